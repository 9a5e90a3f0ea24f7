#include "trainer/startup/tensor_allocator.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "trainer/startup/process_setup.h"

namespace temper {
namespace {

TEST(TensorAllocator, serves_the_same_size_from_what_was_freed) {
  prepare_process(1);
  constexpr int64_t kElements = int64_t{1} << 18;
  const auto make = [] { return at::empty({kElements}, at::kFloat); };
  std::vector<at::Tensor> tensors;
  for (int i = 0; i < 8; ++i) tensors.push_back(make());
  // Between neighbours that live, so that holes don't grow together.
  for (const size_t i : {1, 3, 5}) {
    const void* place = tensors[i].data_ptr();
    tensors[i].reset();
    tensors[i] = make();
    EXPECT_EQ(tensors[i].data_ptr(), place);
  }
}

TEST(TensorAllocator, aligns_every_size) {
  prepare_process(1);
  std::vector<at::Tensor> tensors;
  for (int64_t bytes = 0; bytes < 300; ++bytes) {
    tensors.push_back(at::ones({bytes}, at::kByte));
    EXPECT_EQ(reinterpret_cast<uintptr_t>(tensors.back().data_ptr()) % 64, 0u) << bytes;
    EXPECT_EQ(tensors.back().sum().item<int64_t>(), bytes);
  }
}

}  // namespace
}  // namespace temper
