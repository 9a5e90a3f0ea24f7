#include "kernels/linear.h"

#include <gtest/gtest.h>

#include "tests/unit/kernels/tensors.h"

namespace temper {
namespace {

class Linear : public testing::TestWithParam<std::tuple<int64_t, int64_t, int64_t>> {};

TEST_P(Linear, agrees_with_autograd) {
  const auto [tokens, in, out] = GetParam();
  const at::Tensor x = leaf(random_tensor({tokens, in}, 1)), w = leaf(random_tensor({out, in}, 2));
  const at::Tensor b = leaf(random_tensor({out}, 3)), residual = random_tensor({tokens, out}, 4);
  const at::Tensor dy = random_tensor({tokens, out}, 5);
  const at::Tensor expected = at::matmul(x, w.t()) + b;
  expected.backward(dy);

  const at::Tensor plain_x = x.detach(), plain_w = w.detach(), plain_b = b.detach();
  EXPECT_LT(relative_error(linear_forward(plain_x, plain_w, plain_b), expected), 2e-6);
  EXPECT_LT(relative_error(linear_forward(plain_x, plain_w) + plain_b, expected), 2e-6);
  EXPECT_LT(relative_error(linear_add(residual, plain_x, plain_w, plain_b), expected + residual),
            2e-6);
  at::Tensor dx;
  linear_input_gradient(dy, plain_w, dx);
  EXPECT_LT(relative_error(dx, x.grad()), 2e-6);
  linear_input_gradient(dy, plain_w, dx);
  EXPECT_LT(relative_error(dx, 2 * x.grad()), 2e-6);
  at::Tensor dw = at::full({out, in}, NAN), db = at::full({out}, NAN);
  linear_weight_gradient(dy, plain_x, dw);
  linear_bias_gradient(dy, db);
  EXPECT_LT(relative_error(dw, w.grad()), 2e-6);
  EXPECT_LT(relative_error(db, b.grad()), 5e-6);
}

INSTANTIATE_TEST_SUITE_P(Sizes, Linear,
                         testing::Values(std::tuple{1, 1, 1}, std::tuple{1, 64, 33},
                                         std::tuple{37, 5, 70}, std::tuple{200, 129, 65}));

}  // namespace
}  // namespace temper
