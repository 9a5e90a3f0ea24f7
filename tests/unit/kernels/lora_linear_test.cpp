#include "kernels/lora_linear.h"

#include <gtest/gtest.h>

#include "tests/unit/kernels/tensors.h"

namespace temper {
namespace {

// (tokens, dropout)
class LoraLinear : public testing::TestWithParam<std::pair<int64_t, double>> {};

TEST_P(LoraLinear, agrees_with_autograd) {
  const auto [tokens, probability] = GetParam();
  constexpr int64_t kIn = 33, kOut = 21, kRank = 4;
  const at::Tensor x = leaf(random_tensor({tokens, kIn}, 1)),
                   base = random_tensor({tokens, kOut}, 2);
  const at::Tensor a = leaf(random_tensor({kRank, kIn}, 3)),
                   b = leaf(random_tensor({kOut, kRank}, 4));
  const at::Tensor dy = random_tensor({tokens, kOut}, 5), before = random_tensor({tokens, kIn}, 6);
  const LoraTerm term{a.detach(), b.detach(), 1.75, probability, {11, 3, 2, 9}};
  at::Tensor mask = at::ones({tokens, kIn});
  if (probability > 0) mask = dropout(mask, probability, term.key);
  const at::Tensor expected = base + 1.75 * at::matmul(at::matmul(x * mask, a.t()), b.t());
  expected.backward(dy);

  at::Tensor y = base.clone();
  const at::Tensor low = lora_linear_(y, x.detach(), term);
  EXPECT_LT(relative_error(y, expected), 2e-6);
  at::Tensor grad_a = at::full({kRank, kIn}, NAN), grad_b = at::full({kOut, kRank}, NAN);
  at::Tensor dx = before.clone();
  const at::Tensor d_low = lora_low_gradient(dy, term);
  lora_input_gradient_(dx, d_low, term);
  lora_weight_gradients(dy, x.detach(), low, d_low, term, grad_a, grad_b);
  EXPECT_LT(relative_error(grad_a, a.grad()), 2e-6);
  EXPECT_LT(relative_error(grad_b, b.grad()), 2e-6);
  EXPECT_LT(relative_error(dx, before + x.grad()), 2e-6);
}

INSTANTIATE_TEST_SUITE_P(Sizes, LoraLinear,
                         testing::Values(std::pair{1, 0.0}, std::pair{50, 0.0}, std::pair{1, 0.3},
                                         std::pair{50, 0.3}));

}  // namespace
}  // namespace temper
