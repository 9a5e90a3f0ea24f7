#include "kernels/rope.h"

#include <gtest/gtest.h>

#include <cmath>

#include "common/error.h"
#include "tests/unit/kernels/tensors.h"

namespace temper {
namespace {

std::vector<double> frequencies(int64_t dim) {
  std::vector<double> result;
  for (int64_t i = 0; i < dim / 2; ++i) {
    result.push_back(std::pow(10000.0, -2.0 * static_cast<double>(i) / static_cast<double>(dim)));
  }
  return result;
}

// transformers' rotate_half: x cos + cat(-x2, x1) sin.
at::Tensor composite(const at::Tensor& x, const at::Tensor& positions, const RopeAngles& angles) {
  const at::Tensor cos = at::cat({angles.cos, angles.cos}, 1).index_select(0, positions);
  const at::Tensor sin = at::cat({angles.sin, angles.sin}, 1).index_select(0, positions);
  const auto halves = x.chunk(2, 2);
  const at::Tensor rotated = at::cat({-halves[1], halves[0]}, 2);
  return x * cos.unsqueeze(1) + rotated * sin.unsqueeze(1);
}

class Rope : public testing::TestWithParam<std::tuple<int64_t, int64_t, int64_t>> {};

TEST_P(Rope, agrees_with_autograd) {
  const auto [tokens, heads, dim] = GetParam();
  const at::Tensor x = leaf(random_tensor({tokens, heads, dim}));
  const at::Tensor dy = random_tensor({tokens, heads, dim}, 2);
  const at::Tensor positions = at::arange(tokens, at::kLong) * 7 % 50;
  const RopeAngles angles = rope_angles(frequencies(dim), 50);
  const at::Tensor expected = composite(x, positions, angles);
  expected.backward(dy);

  at::Tensor y = x.detach().clone(), dx = dy.clone();
  rope_(y, positions, angles);
  rope_backward_(dx, positions, angles);
  EXPECT_LT(relative_error(y, expected), 1e-6);
  EXPECT_LT(relative_error(dx, x.grad()), 1e-6);
}

INSTANTIATE_TEST_SUITE_P(Sizes, Rope,
                         testing::Values(std::tuple{1, 1, 2}, std::tuple{5, 3, 24},
                                         std::tuple{40, 2, 10}, std::tuple{130, 4, 64}));

TEST(RopeTable, grows_and_keeps_its_rows) {
  const RopeTable table(frequencies(16));
  const at::Tensor before = table.angles(3, at::kCPU).cos;
  const at::Tensor after = table.angles(100, at::kCPU).cos;
  ASSERT_GE(after.size(0), 100);
  EXPECT_TRUE(same_bits(after.narrow(0, 0, 3), before));
  EXPECT_NEAR(after[5][1].item<double>(), std::cos(5.0 * std::pow(10000.0, -2.0 / 16.0)), 1e-6);
}

// Models are trained with angles that are fp32 products, in transformers and elsewhere: far from
// the beginning these differ from the exact ones by much more than a rounding of the cosine.
TEST(RopeAngles, are_products_in_single_precision) {
  const std::vector<double> inverse = frequencies(64);
  const int64_t position = 99'991;
  const RopeAngles angles = rope_angles(inverse, position + 1);
  double farthest = 0.0;
  for (size_t i = 0; i < inverse.size(); ++i) {
    const float angle = static_cast<float>(position) * static_cast<float>(inverse[i]);
    const double cosine = angles.cos[position][static_cast<int64_t>(i)].item<double>();
    EXPECT_NEAR(cosine, std::cos(static_cast<double>(angle)), 1e-7) << i;
    const double exact = std::cos(static_cast<double>(position) * inverse[i]);
    farthest = std::max(farthest, std::abs(cosine - exact));
  }
  EXPECT_GT(farthest, 1e-4) << "the two ways are the same here: the test could not fail";
}

TEST(RopeTable, refuses_a_position_outside) {
  at::Tensor x = random_tensor({2, 1, 4});
  const RopeAngles angles = rope_angles(frequencies(4), 3);
  EXPECT_THROW(rope_(x, at::tensor({0, 3}, at::kLong), angles), InternalError);
  EXPECT_THROW(rope_(x, at::tensor({-1, 0}, at::kLong), angles), InternalError);
}

}  // namespace
}  // namespace temper
