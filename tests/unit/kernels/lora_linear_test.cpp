#include "kernels/lora_linear.h"

#include <gtest/gtest.h>

#include "kernels/linear.h"
#include "tests/unit/kernels/tensors.h"

namespace temper {
namespace {

struct Case {
  int64_t tokens, in, out, rank;
  double dropout;
};

class LoraLinear : public testing::TestWithParam<Case> {};

TEST_P(LoraLinear, agrees_with_autograd) {
  const auto [tokens, in, out, rank, probability] = GetParam();
  const at::Tensor x = leaf(random_tensor({tokens, in}, 1)), weight = random_tensor({out, in}, 2);
  const at::Tensor a = leaf(random_tensor({rank, in}, 3)), b = leaf(random_tensor({out, rank}, 4));
  const at::Tensor dy = random_tensor({tokens, out}, 5), before = random_tensor({tokens, in}, 6);
  const LoraTerm term{a.detach(), b.detach(), 1.75, probability, {11, 3, 2, 9}};
  at::Tensor mask = at::ones({tokens, in});
  if (probability > 0) mask = dropout(mask, probability, term.key);
  const at::Tensor expected =
      at::matmul(x, weight.t()) + 1.75 * at::matmul(at::matmul(x * mask, a.t()), b.t());
  expected.backward(dy);

  const at::Tensor plain_x = x.detach(), residual = random_tensor({tokens, out}, 7);
  const at::Tensor low = lora_low(plain_x, term);
  const Factors factors = lora_factors(low, term);
  EXPECT_LT(relative_error(linear_forward(plain_x, weight, {}, factors), expected), 2e-6);
  EXPECT_LT(relative_error(linear_add(residual, plain_x, weight, {}, factors), expected + residual),
            2e-6);
  const at::Tensor d_low = lora_low_gradient(dy, term);
  at::Tensor dx, sum = before.clone();
  lora_linear_input_gradient(dy, weight, d_low, term, dx);
  EXPECT_LT(relative_error(dx, x.grad()), 2e-6);
  lora_linear_input_gradient(dy, weight, d_low, term, sum);
  EXPECT_LT(relative_error(sum, before + x.grad()), 2e-6);
  at::Tensor grad_a = at::full({rank, in}, NAN), grad_b = at::full({out, rank}, NAN);
  lora_weight_gradients(dy, plain_x, low, d_low, term, grad_a, grad_b);
  EXPECT_LT(relative_error(grad_a, a.grad()), 2e-6);
  EXPECT_LT(relative_error(grad_b, b.grad()), 2e-6);
}

INSTANTIATE_TEST_SUITE_P(Sizes, LoraLinear,
                         testing::Values(Case{1, 33, 21, 4, 0.0}, Case{50, 33, 21, 4, 0.0},
                                         Case{1, 33, 21, 4, 0.3}, Case{50, 33, 21, 4, 0.3},
                                         Case{200, 130, 100, 16, 0.0}, Case{200, 130, 100, 16, 0.3},
                                         Case{150, 70, 90, 80, 0.0}, Case{150, 70, 90, 2, 0.0}));

}  // namespace
}  // namespace temper
