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
  at::Tensor bf16;
  at::Tensor fp32;  // the same values in fp32
};

Pair random_pair(std::vector<int64_t> shape, uint64_t seed) {
  const at::Tensor bf16 = random_tensor(std::move(shape), seed).to(at::kBFloat16);
  return {bf16, bf16.to(at::kFloat)};
}

void expect_rounded(const at::Tensor& actual, const at::Tensor& expected,
                    double tolerance = kRounding) {
  EXPECT_EQ(actual.scalar_type(), at::kBFloat16);
  EXPECT_LT(relative_error(actual.to(at::kFloat), expected), tolerance);
}

TEST(Bf16, rms_norm) {
  const Pair x = random_pair({7, 3, 24}, 1), weight = random_pair({24}, 2);
  const Pair dy = random_pair({7, 3, 24}, 3), residual = random_pair({7, 3, 24}, 4);
  const at::Tensor inverse = inverse_rms(x.bf16, 1e-5);
  EXPECT_EQ(inverse.scalar_type(), at::kFloat);
  EXPECT_LT(relative_error(inverse, inverse_rms(x.fp32, 1e-5)), 1e-6);
  expect_rounded(rms_norm(x.bf16, weight.bf16, inverse), rms_norm(x.fp32, weight.fp32, inverse));
  expect_rounded(rms_norm_backward(dy.bf16, x.bf16, weight.bf16, inverse, residual.bf16),
                 rms_norm_backward(dy.fp32, x.fp32, weight.fp32, inverse, residual.fp32));
  at::Tensor dw = at::empty({24}), expected = at::empty({24});
  rms_norm_weight_gradient(dy.bf16, x.bf16, inverse, dw);
  rms_norm_weight_gradient(dy.fp32, x.fp32, inverse, expected);
  EXPECT_LT(relative_error(dw, expected), 2e-6);
}

TEST(Bf16, rope) {
  const Pair x = random_pair({11, 3, 8}, 1);
  const at::Tensor positions = at::arange(11, at::kLong);
  const RopeAngles angles = rope_angles({1.0, 0.3, 0.1, 0.01}, 11);
  rope_(x.bf16, positions, angles);
  rope_(x.fp32, positions, angles);
  expect_rounded(x.bf16, x.fp32);
}

TEST(Bf16, swiglu) {
  const Pair gate = random_pair({9, 13}, 1), up = random_pair({9, 13}, 2);
  const Pair dy = random_pair({9, 13}, 3);
  expect_rounded(swiglu(gate.bf16, up.bf16), swiglu(gate.fp32, up.fp32));
  swiglu_backward_(gate.bf16, up.bf16, dy.bf16);
  swiglu_backward_(gate.fp32, up.fp32, dy.fp32);
  expect_rounded(gate.bf16, gate.fp32);
  expect_rounded(up.bf16, up.fp32);
  expect_rounded(dy.bf16, dy.fp32);
}

TEST(Bf16, embedding) {
  const Pair weight = random_pair({11, 6}, 1), dy = random_pair({50, 6}, 2);
  const at::Tensor tokens = at::arange(50, at::kLong) * 7 % 9;
  EXPECT_TRUE(at::equal(embedding_forward(weight.bf16, tokens).to(at::kFloat),
                        embedding_forward(weight.fp32, tokens)));
  at::Tensor dw = at::full({11, 6}, NAN), expected = at::full({11, 6}, NAN);
  embedding_weight_gradient(dy.bf16, tokens, dw);
  embedding_weight_gradient(dy.fp32, tokens, expected);
  EXPECT_LT(relative_error(dw, expected), 1e-6);
}

TEST(Bf16, linear) {
  const Pair x = random_pair({33, 20}, 1), weight = random_pair({12, 20}, 2);
  const Pair bias = random_pair({12}, 3), dy = random_pair({33, 12}, 4);
  expect_rounded(linear_forward(x.bf16, weight.bf16, bias.bf16),
                 linear_forward(x.fp32, weight.fp32, bias.fp32), kProduct);
  at::Tensor dx, expected_dx;
  linear_input_gradient(dy.bf16, weight.bf16, dx);
  linear_input_gradient(dy.fp32, weight.fp32, expected_dx);
  expect_rounded(dx, expected_dx, kProduct);
  at::Tensor dw = at::empty({12, 20}), expected = at::empty({12, 20});
  linear_weight_gradient(dy.bf16, x.bf16, dw);
  linear_weight_gradient(dy.fp32, x.fp32, expected);
  EXPECT_LT(relative_error(dw, expected), 1e-5);
  at::Tensor db = at::empty({12}), expected_db = at::empty({12});
  linear_bias_gradient(dy.bf16, db);
  linear_bias_gradient(dy.fp32, expected_db);
  EXPECT_LT(relative_error(db, expected_db), 1e-5);
}

TEST(Bf16, lora_linear) {
  const Pair x = random_pair({33, 20}, 1), a = random_pair({4, 20}, 2), b = random_pair({12, 4}, 3);
  const Pair y = random_pair({33, 12}, 4), dy = random_pair({33, 12}, 5),
             weight = random_pair({12, 20}, 6);
  const LoraTerm bf16{a.bf16, b.bf16, 0.5, 0.25, {7, 5, 3, 1}};
  const LoraTerm fp32{a.fp32, b.fp32, 0.5, 0.25, {7, 5, 3, 1}};
  const at::Tensor low = lora_low(x.bf16, bf16), expected_low = lora_low(x.fp32, fp32);
  expect_rounded(linear_add(y.bf16, x.bf16, weight.bf16, {}, lora_factors(low, bf16)),
                 linear_add(y.fp32, x.fp32, weight.fp32, {}, lora_factors(expected_low, fp32)),
                 kProduct);
  at::Tensor grad_a = at::empty({4, 20}), grad_b = at::empty({12, 4});
  at::Tensor expected_a = at::empty({4, 20}), expected_b = at::empty({12, 4});
  lora_weight_gradients(dy.bf16, x.bf16, low, lora_low_gradient(dy.bf16, bf16), bf16, grad_a,
                        grad_b);
  lora_weight_gradients(dy.fp32, x.fp32, expected_low, lora_low_gradient(dy.fp32, fp32), fp32,
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
      linear_cross_entropy(x.bf16, weight.bf16, targets, &gradients, workspace).item<double>();
  const double expected_loss =
      linear_cross_entropy(x.fp32, weight.fp32, targets, &expected, workspace).item<double>();
  EXPECT_NEAR(loss / expected_loss, 1.0, 1e-5);
  expect_rounded(gradients.dx, expected.dx, kProduct);
  EXPECT_EQ(gradients.dw.scalar_type(), at::kFloat);
  EXPECT_LT(relative_error(gradients.dw, expected.dw), kProduct);
}

TEST(Bf16, dropout_drops_what_fp32_drops) {
  const Pair x = random_pair({40, 37}, 1);
  const at::Tensor bf16 = dropout(x.bf16, 0.3, {7, 5, 3, 1});
  const at::Tensor fp32 = dropout(x.fp32, 0.3, {7, 5, 3, 1});
  EXPECT_TRUE(at::equal(bf16.eq(0), fp32.eq(0)));
  expect_rounded(bf16, fp32);
}

TEST(Bf16, attention) {
  const Pair q = random_pair({30, 4, 8}, 1), k = random_pair({30, 2, 8}, 2);
  const Pair v = random_pair({30, 2, 8}, 3), d_out = random_pair({30, 4, 8}, 4);
  const AttentionMask mask{{0, 9, 30}, 5};
  const AttentionOutput out = attention(q.bf16, k.bf16, v.bf16, mask);
  const AttentionOutput expected = attention(q.fp32, k.fp32, v.fp32, mask);
  expect_rounded(out.out, expected.out);
  EXPECT_LT(relative_error(out.logsumexp, expected.logsumexp), 1e-5);
  const AttentionGradients gradients =
      attention_backward(d_out.bf16, q.bf16, k.bf16, v.bf16, out, mask);
  const AttentionGradients expected_gradients =
      attention_backward(d_out.fp32, q.fp32, k.fp32, v.fp32, expected, mask);
  expect_rounded(gradients.dq, expected_gradients.dq, 2 * kRounding);
  expect_rounded(gradients.dk, expected_gradients.dk, 2 * kRounding);
  expect_rounded(gradients.dv, expected_gradients.dv, 2 * kRounding);
  const std::vector<CachedSequence> last = {{0, q.fp32.size(0) - 29, 0, k.fp32.size(0)}};
  expect_rounded(attention_decode(q.bf16.slice(0, 29), k.bf16, v.bf16, last, 5),
                 attention_decode(q.fp32.slice(0, 29), k.fp32, v.fp32, last, 5));
}

}  // namespace
}  // namespace temper
