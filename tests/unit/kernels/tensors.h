// Random tensors and comparisons for tests against autograd.
#pragma once

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

namespace temper {

inline at::Tensor random_tensor(std::vector<int64_t> shape, uint64_t seed = 1) {
  return at::randn(shape, at::make_generator<at::CPUGeneratorImpl>(seed), at::TensorOptions());
}

// A copy that autograd follows.
inline at::Tensor leaf(const at::Tensor& x) {
  return x.detach().clone().requires_grad_(true);
}

// The largest difference, relative to the largest entry of what is expected (absolute where all of
// that is next to zero).
inline double relative_error(const at::Tensor& actual, const at::Tensor& expected) {
  EXPECT_EQ(actual.sizes(), expected.sizes());
  if (expected.numel() == 0) return 0.0;
  const double scale = expected.detach().abs().max().item<double>();
  const double error = (actual.detach() - expected.detach()).abs().max().item<double>();
  return scale > 1e-3 ? error / scale : error;
}

inline bool same_bits(const at::Tensor& a, const at::Tensor& b) {
  return a.sizes() == b.sizes() &&
         at::equal(a.contiguous().view(at::kInt), b.contiguous().view(at::kInt));
}

// A copy of the tensor whose data start `offset` floats into an allocation.
inline at::Tensor shifted_copy(const at::Tensor& x, int64_t offset) {
  at::Tensor memory = at::empty({x.numel() + offset}, x.options());
  at::Tensor result = memory.narrow(0, offset, x.numel()).view(x.sizes());
  result.copy_(x);
  return result;
}

}  // namespace temper
