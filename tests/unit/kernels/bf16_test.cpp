// Operators in bf16 against fp32 on the same values: what they keep is rounded once, and gradients
// of weights are sums in fp32.
#include <gtest/gtest.h>

#include "arch/layout/working_memory.h"
#include "kernels/attention.h"
#include "kernels/dropout.h"
#include "kernels/embedding.h"
#include "kernels/linear.h"
#include "kernels/linear_cross_entropy.h"
#include "kernels/lora_linear.h"
#include "kernels/rms_norm.h"
#include "kernels/rope.h"
#include "kernels/swiglu.h"
#include "tests/unit/kernels/tensors.h"

namespace temper {
namespace {

// Half a unit in the last of eight bits, relative to the number itself.
constexpr double kRounding = 1.0 / 256;
// The CPU's products of bf16 matrices may round on the way.
constexpr double kProduct = 4 * kRounding;

struct Pair {
  at::Tensor narrow;  // bf16
  at::Tensor wide;    // the same values in fp32
};

Pair random_pair(std::vector<int64_t> shape, uint64_t seed) {
  const at::Tensor narrow = random_tensor(std::move(shape), seed).to(at::kBFloat16);
  return {narrow, narrow.to(at::kFloat)};
}

void expect_rounded(const at::Tensor& actual, const at::Tensor& expected,
                    double tolerance = kRounding) {
  EXPECT_EQ(actual.scalar_type(), at::kBFloat16);
  EXPECT_LT(relative_error(actual.to(at::kFloat), expected), tolerance);
}

TEST(Bf16, rms_norm) {
  const Pair x = random_pair({7, 3, 24}, 1), weight = random_pair({24}, 2);
  const Pair dy = random_pair({7, 3, 24}, 3), residual = random_pair({7, 3, 24}, 4);
  const at::Tensor inverse = inverse_rms(x.narrow, 1e-5);
  EXPECT_EQ(inverse.scalar_type(), at::kFloat);
  EXPECT_LT(relative_error(inverse, inverse_rms(x.wide, 1e-5)), 1e-6);
  expect_rounded(rms_norm(x.narrow, weight.narrow, inverse),
                 rms_norm(x.wide, weight.wide, inverse));
  expect_rounded(rms_norm_backward(dy.narrow, x.narrow, weight.narrow, inverse, residual.narrow),
                 rms_norm_backward(dy.wide, x.wide, weight.wide, inverse, residual.wide));
  at::Tensor dw = at::empty({24}), expected = at::empty({24});
  rms_norm_weight_gradient(dy.narrow, x.narrow, inverse, dw);
  rms_norm_weight_gradient(dy.wide, x.wide, inverse, expected);
  EXPECT_LT(relative_error(dw, expected), 2e-6);
}

TEST(Bf16, rope) {
  const Pair x = random_pair({11, 3, 8}, 1);
  const at::Tensor positions = at::arange(11, at::kLong);
  const RopeAngles angles = rope_angles({1.0, 0.3, 0.1, 0.01}, 11);
  rope_(x.narrow, positions, angles);
  rope_(x.wide, positions, angles);
  expect_rounded(x.narrow, x.wide);
}

TEST(Bf16, swiglu) {
  const Pair gate = random_pair({9, 13}, 1), up = random_pair({9, 13}, 2);
  const Pair dy = random_pair({9, 13}, 3);
  expect_rounded(swiglu(gate.narrow, up.narrow), swiglu(gate.wide, up.wide));
  swiglu_backward_(gate.narrow, up.narrow, dy.narrow);
  swiglu_backward_(gate.wide, up.wide, dy.wide);
  expect_rounded(gate.narrow, gate.wide);
  expect_rounded(up.narrow, up.wide);
  expect_rounded(dy.narrow, dy.wide);
}

TEST(Bf16, embedding) {
  const Pair weight = random_pair({11, 6}, 1), dy = random_pair({50, 6}, 2);
  const at::Tensor tokens = at::arange(50, at::kLong) * 7 % 9;
  EXPECT_TRUE(at::equal(embedding_forward(weight.narrow, tokens).to(at::kFloat),
                        embedding_forward(weight.wide, tokens)));
  at::Tensor dw = at::full({11, 6}, NAN), expected = at::full({11, 6}, NAN);
  embedding_weight_gradient(dy.narrow, tokens, dw);
  embedding_weight_gradient(dy.wide, tokens, expected);
  EXPECT_LT(relative_error(dw, expected), 1e-6);
}

TEST(Bf16, linear) {
  const Pair x = random_pair({33, 20}, 1), weight = random_pair({12, 20}, 2);
  const Pair bias = random_pair({12}, 3), dy = random_pair({33, 12}, 4);
  expect_rounded(linear_forward(x.narrow, weight.narrow, bias.narrow),
                 linear_forward(x.wide, weight.wide, bias.wide), kProduct);
  at::Tensor dx, expected_dx;
  linear_input_gradient(dy.narrow, weight.narrow, dx);
  linear_input_gradient(dy.wide, weight.wide, expected_dx);
  expect_rounded(dx, expected_dx, kProduct);
  at::Tensor dw = at::empty({12, 20}), expected = at::empty({12, 20});
  linear_weight_gradient(dy.narrow, x.narrow, dw);
  linear_weight_gradient(dy.wide, x.wide, expected);
  EXPECT_LT(relative_error(dw, expected), 1e-5);
  at::Tensor db = at::empty({12}), expected_db = at::empty({12});
  linear_bias_gradient(dy.narrow, db);
  linear_bias_gradient(dy.wide, expected_db);
  EXPECT_LT(relative_error(db, expected_db), 1e-5);
}

TEST(Bf16, lora_linear) {
  const Pair x = random_pair({33, 20}, 1), a = random_pair({4, 20}, 2), b = random_pair({12, 4}, 3);
  const Pair y = random_pair({33, 12}, 4), dy = random_pair({33, 12}, 5),
             weight = random_pair({12, 20}, 6);
  const LoraTerm narrow{a.narrow, b.narrow, 0.5, 0.25, {7, 5, 3, 1}};
  const LoraTerm wide{a.wide, b.wide, 0.5, 0.25, {7, 5, 3, 1}};
  const at::Tensor low = lora_low(x.narrow, narrow), expected_low = lora_low(x.wide, wide);
  expect_rounded(linear_add(y.narrow, x.narrow, weight.narrow, {}, lora_factors(low, narrow)),
                 linear_add(y.wide, x.wide, weight.wide, {}, lora_factors(expected_low, wide)),
                 kProduct);
  at::Tensor grad_a = at::empty({4, 20}), grad_b = at::empty({12, 4});
  at::Tensor expected_a = at::empty({4, 20}), expected_b = at::empty({12, 4});
  lora_weight_gradients(dy.narrow, x.narrow, low, lora_low_gradient(dy.narrow, narrow), narrow,
                        grad_a, grad_b);
  lora_weight_gradients(dy.wide, x.wide, expected_low, lora_low_gradient(dy.wide, wide), wide,
                        expected_a, expected_b);
  EXPECT_LT(relative_error(grad_a, expected_a), kProduct);
  EXPECT_LT(relative_error(grad_b, expected_b), kProduct);
}

TEST(Bf16, linear_cross_entropy) {
  // Several chunks, so that the weight's gradient is added up.
  const int64_t vocab = 1 << 17, rows = cross_entropy_chunk_rows(vocab) + 3;
  const Pair x = random_pair({rows, 5}, 1), weight = random_pair({vocab, 5}, 2);
  const at::Tensor targets = at::arange(rows, at::kLong) * 771;
  LinearCrossEntropyGradients gradients{{}, at::empty({vocab, 5})};
  LinearCrossEntropyGradients expected{{}, at::empty({vocab, 5})};
  at::Tensor workspace;
  const double loss =
      linear_cross_entropy(x.narrow, weight.narrow, targets, &gradients, workspace).item<double>();
  const double expected_loss =
      linear_cross_entropy(x.wide, weight.wide, targets, &expected, workspace).item<double>();
  EXPECT_NEAR(loss / expected_loss, 1.0, 1e-5);
  expect_rounded(gradients.dx, expected.dx, kProduct);
  EXPECT_EQ(gradients.dw.scalar_type(), at::kFloat);
  EXPECT_LT(relative_error(gradients.dw, expected.dw), kProduct);
}

TEST(Bf16, dropout_drops_what_fp32_drops) {
  const Pair x = random_pair({40, 37}, 1);
  const at::Tensor narrow = dropout(x.narrow, 0.3, {7, 5, 3, 1});
  const at::Tensor wide = dropout(x.wide, 0.3, {7, 5, 3, 1});
  EXPECT_TRUE(at::equal(narrow.eq(0), wide.eq(0)));
  expect_rounded(narrow, wide);
}

TEST(Bf16, attention) {
  const Pair q = random_pair({30, 4, 8}, 1), k = random_pair({30, 2, 8}, 2);
  const Pair v = random_pair({30, 2, 8}, 3), d_out = random_pair({30, 4, 8}, 4);
  const AttentionMask mask{{0, 9, 30}, 5};
  const AttentionOutput out = attention(q.narrow, k.narrow, v.narrow, mask);
  const AttentionOutput expected = attention(q.wide, k.wide, v.wide, mask);
  expect_rounded(out.out, expected.out);
  EXPECT_LT(relative_error(out.logsumexp, expected.logsumexp), 1e-5);
  const AttentionGradients gradients =
      attention_backward(d_out.narrow, q.narrow, k.narrow, v.narrow, out, mask);
  const AttentionGradients expected_gradients =
      attention_backward(d_out.wide, q.wide, k.wide, v.wide, expected, mask);
  expect_rounded(gradients.dq, expected_gradients.dq, 2 * kRounding);
  expect_rounded(gradients.dk, expected_gradients.dk, 2 * kRounding);
  expect_rounded(gradients.dv, expected_gradients.dv, 2 * kRounding);
  const std::vector<CachedSequence> last = {{0, q.wide.size(0) - 29, 0, k.wide.size(0)}};
  expect_rounded(attention_decode(q.narrow.slice(0, 29), k.narrow, v.narrow, last, 5),
                 attention_decode(q.wide.slice(0, 29), k.wide, v.wide, last, 5));
}

}  // namespace
}  // namespace temper
