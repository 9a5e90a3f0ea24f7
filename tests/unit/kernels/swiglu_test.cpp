#include "kernels/swiglu.h"

#include <gtest/gtest.h>

#include <limits>

#include "tests/unit/kernels/tensors.h"

namespace temper {
namespace {

class Swiglu : public testing::TestWithParam<std::pair<int64_t, int64_t>> {};

TEST_P(Swiglu, agrees_with_autograd) {
  const auto [rows, n] = GetParam();
  const at::Tensor gate = leaf(random_tensor({rows, n}, 1) * 8),
                   up = leaf(random_tensor({rows, n}, 2));
  const at::Tensor dy = random_tensor({rows, n}, 3);
  const at::Tensor expected = at::silu(gate) * up;
  expected.backward(dy);

  const at::Tensor y = swiglu(gate.detach(), up.detach());
  EXPECT_LT(relative_error(y, expected), 1e-6);
  at::Tensor d_gate = gate.detach().clone(), d_up = up.detach().clone(), again = dy.clone();
  swiglu_backward_(d_gate, d_up, again);
  EXPECT_LT(relative_error(d_gate, gate.grad()), 1e-6);
  EXPECT_LT(relative_error(d_up, up.grad()), 1e-6);
  EXPECT_TRUE(same_bits(again, y));
}

INSTANTIATE_TEST_SUITE_P(Sizes, Swiglu,
                         testing::Values(std::pair{1, 1}, std::pair{3, 7}, std::pair{129, 333}));

TEST(SwigluExtremes, stay_finite_or_stay_nan) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const at::Tensor gate = at::tensor({-1000.0f, -90.0f, 0.0f, 90.0f, 1000.0f, nan});
  const at::Tensor y = swiglu(gate, at::ones({6}));
  EXPECT_NEAR(y[0].item<float>(), 0.0f, 1e-30);
  EXPECT_NEAR(y[1].item<float>(), 0.0f, 1e-30);
  EXPECT_EQ(y[2].item<float>(), 0.0f);
  EXPECT_EQ(y[3].item<float>(), 90.0f);
  EXPECT_EQ(y[4].item<float>(), 1000.0f);
  EXPECT_TRUE(std::isnan(y[5].item<float>()));
}

}  // namespace
}  // namespace temper
