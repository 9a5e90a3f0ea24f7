#include "kernels/rms_norm.h"

#include <gtest/gtest.h>

#include "tests/unit/kernels/tensors.h"

namespace temper {
namespace {

constexpr double kEpsilon = 1e-5;

at::Tensor composite(const at::Tensor& x, const at::Tensor& weight) {
  return weight * (x * at::rsqrt(x.square().mean(-1, true) + kEpsilon));
}

class RmsNorm : public testing::TestWithParam<std::pair<int64_t, int64_t>> {};

TEST_P(RmsNorm, agrees_with_autograd) {
  const auto [rows, n] = GetParam();
  const at::Tensor x = leaf(random_tensor({rows, n}, 1) * 3), weight = leaf(random_tensor({n}, 2));
  const at::Tensor dy = random_tensor({rows, n}, 3), residual = random_tensor({rows, n}, 4);
  const at::Tensor expected = composite(x, weight);
  expected.backward(dy);

  const at::Tensor plain_x = x.detach(), plain_weight = weight.detach();
  const at::Tensor inverse = inverse_rms(plain_x, kEpsilon);
  EXPECT_LT(relative_error(rms_norm(plain_x, plain_weight, inverse), expected), 1e-6);
  EXPECT_LT(relative_error(rms_norm_backward(dy, plain_x, plain_weight, inverse), x.grad()), 2e-6);
  EXPECT_LT(relative_error(rms_norm_backward(dy, plain_x, plain_weight, inverse, residual),
                           x.grad() + residual),
            2e-6);
  at::Tensor dw = at::full({n}, 7.0f);
  rms_norm_weight_gradient(dy, plain_x, inverse, dw);
  EXPECT_LT(relative_error(dw, weight.grad()), 2e-6);
}

INSTANTIATE_TEST_SUITE_P(Sizes, RmsNorm,
                         testing::Values(std::pair{1, 3}, std::pair{1, 64}, std::pair{7, 5},
                                         std::pair{33, 24}, std::pair{300, 129},
                                         std::pair{65, 1000}));

TEST(RmsNormBits, do_not_depend_on_alignment) {
  const at::Tensor x = random_tensor({9, 37}), weight = random_tensor({37}, 2);
  const at::Tensor dy = random_tensor({9, 37}, 3);
  const at::Tensor inverse = inverse_rms(x, kEpsilon);
  const at::Tensor y = rms_norm(x, weight, inverse);
  const at::Tensor dx = rms_norm_backward(dy, x, weight, inverse);
  for (int64_t offset = 1; offset < 16; ++offset) {
    const at::Tensor moved = shifted_copy(x, offset);
    EXPECT_TRUE(same_bits(inverse_rms(moved, kEpsilon), inverse));
    EXPECT_TRUE(same_bits(rms_norm(moved, shifted_copy(weight, offset), inverse), y));
    EXPECT_TRUE(same_bits(rms_norm_backward(shifted_copy(dy, offset), moved, weight, inverse), dx));
  }
}

}  // namespace
}  // namespace temper
