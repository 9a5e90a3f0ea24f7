// Every operator on a GPU, in fp32 and bf16, against the same operator on the CPU in fp32: the
// values of one are those of the other, but for rounding. And the same bits when it is done again.
#include <gtest/gtest.h>

#include "kernels/adamw.h"
#include "kernels/attention.h"
#include "kernels/dropout.h"
#include "kernels/embedding.h"
#include "kernels/linear.h"
#include "kernels/linear_cross_entropy.h"
#include "kernels/lora_linear.h"
#include "kernels/rms_norm.h"
#include "kernels/rope.h"
#include "kernels/square_sums.h"
#include "kernels/swiglu.h"
#include "tests/unit/kernels/tensors.h"

namespace temper {
namespace {

// A tensor on the GPU and the same values on the CPU in fp32.
struct Pair {
  at::Tensor gpu;
  at::Tensor cpu;
};

class GpuOperators : public testing::TestWithParam<at::ScalarType> {
 protected:
  Pair random(std::vector<int64_t> shape, uint64_t seed) const {
    const at::Tensor values = random_tensor(std::move(shape), seed).to(GetParam());
    return {values.to(at::kCUDA), values.to(at::kFloat).clone()};
  }
  bool is_bf16() const { return GetParam() == at::kBFloat16; }
  // Of what is rounded once, and of products.
  double rounding() const { return is_bf16() ? 1.0 / 256 : 5e-6; }
  double product() const { return is_bf16() ? 4.0 / 256 : 1e-5; }

  void expect_near(const at::Tensor& gpu, const at::Tensor& cpu, double tolerance) const {
    EXPECT_TRUE(gpu.is_cuda());
    EXPECT_LT(relative_error(gpu.cpu().to(at::kFloat), cpu), tolerance);
  }
};

bool same_on_gpu(const at::Tensor& a, const at::Tensor& b) {
  return at::equal(a, b);
}

TEST_P(GpuOperators, rms_norm) {
  for (const int64_t n : {24, 700}) {
    const Pair x = random({1000, n}, 1), weight = random({n}, 2), dy = random({1000, n}, 3);
    const Pair residual = random({1000, n}, 4);
    const at::Tensor inverse = inverse_rms(x.gpu, 1e-5), expected = inverse_rms(x.cpu, 1e-5);
    expect_near(inverse, expected, 1e-6);
    expect_near(rms_norm(x.gpu, weight.gpu, inverse), rms_norm(x.cpu, weight.cpu, expected),
                rounding());
    expect_near(rms_norm_backward(dy.gpu, x.gpu, weight.gpu, inverse, residual.gpu),
                rms_norm_backward(dy.cpu, x.cpu, weight.cpu, expected, residual.cpu), rounding());
    at::Tensor dw = at::empty({n}, inverse.options()), again = at::empty_like(dw);
    at::Tensor expected_dw = at::empty({n});
    rms_norm_weight_gradient(dy.gpu, x.gpu, inverse, dw);
    rms_norm_weight_gradient(dy.gpu, x.gpu, inverse, again);
    rms_norm_weight_gradient(dy.cpu, x.cpu, expected, expected_dw);
    expect_near(dw, expected_dw, 5e-6);
    EXPECT_TRUE(same_on_gpu(dw, again));
  }
}

TEST_P(GpuOperators, rope) {
  const Pair x = random({41, 3, 8}, 1);
  const at::Tensor positions = at::arange(41, at::kLong) % 7;
  const RopeTable table({1.0, 0.3, 0.1, 0.01});
  rope_(x.gpu, positions.to(at::kCUDA), table.angles(7, x.gpu.device()));
  rope_(x.cpu, positions, table.angles(7, at::kCPU));
  expect_near(x.gpu, x.cpu, rounding());
}

TEST_P(GpuOperators, swiglu) {
  const Pair gate = random({90, 130}, 1), up = random({90, 130}, 2), dy = random({90, 130}, 3);
  expect_near(swiglu(gate.gpu, up.gpu), swiglu(gate.cpu, up.cpu), rounding());
  swiglu_backward_(gate.gpu, up.gpu, dy.gpu);
  swiglu_backward_(gate.cpu, up.cpu, dy.cpu);
  expect_near(gate.gpu, gate.cpu, rounding());
  expect_near(up.gpu, up.cpu, rounding());
  expect_near(dy.gpu, dy.cpu, rounding());
}

TEST_P(GpuOperators, embedding_gradient) {
  const Pair dy = random({5000, 300}, 1);
  const at::Tensor tokens = at::arange(5000, at::kLong) * 7 % 97;
  at::Tensor dw = at::full({111, 300}, NAN, dy.gpu.options().dtype(at::kFloat));
  at::Tensor expected = at::empty({111, 300});
  embedding_weight_gradient(dy.gpu, tokens.to(at::kCUDA), dw);
  embedding_weight_gradient(dy.cpu, tokens, expected);
  EXPECT_TRUE(same_bits(dw.cpu(), expected));
}

TEST_P(GpuOperators, linear) {
  const Pair x = random({330, 200}, 1), weight = random({120, 200}, 2), bias = random({120}, 3);
  const Pair dy = random({330, 120}, 4);
  expect_near(linear_forward(x.gpu, weight.gpu, bias.gpu),
              linear_forward(x.cpu, weight.cpu, bias.cpu), product());
  at::Tensor dw = at::empty({120, 200}, x.gpu.options().dtype(at::kFloat));
  at::Tensor expected = at::empty({120, 200});
  linear_weight_gradient(dy.gpu, x.gpu, dw);
  linear_weight_gradient(dy.cpu, x.cpu, expected);
  expect_near(dw, expected, 1e-5);  // not rounded to bf16
  at::Tensor db = at::empty({120}, dw.options()), expected_db = at::empty({120});
  linear_bias_gradient(dy.gpu, db);
  linear_bias_gradient(dy.cpu, expected_db);
  expect_near(db, expected_db, 1e-5);
}

TEST_P(GpuOperators, lora_linear_with_dropout) {
  const Pair x = random({330, 200}, 1), a = random({4, 200}, 2), b = random({120, 4}, 3);
  const Pair y = random({330, 120}, 4), dy = random({330, 120}, 5), weight = random({120, 200}, 6);
  const LoraTerm gpu{a.gpu, b.gpu, 0.5, 0.25, {7, 5, 3, 1}};
  const LoraTerm cpu{a.cpu, b.cpu, 0.5, 0.25, {7, 5, 3, 1}};
  const at::Tensor low = lora_low(x.gpu, gpu), expected_low = lora_low(x.cpu, cpu);
  expect_near(linear_add(y.gpu, x.gpu, weight.gpu, {}, lora_factors(low, gpu)),
              linear_add(y.cpu, x.cpu, weight.cpu, {}, lora_factors(expected_low, cpu)), product());
  const auto fp32 = x.gpu.options().dtype(at::kFloat);
  at::Tensor grad_a = at::empty({4, 200}, fp32), grad_b = at::empty({120, 4}, fp32);
  at::Tensor expected_a = at::empty({4, 200}), expected_b = at::empty({120, 4});
  lora_weight_gradients(dy.gpu, x.gpu, low, lora_low_gradient(dy.gpu, gpu), gpu, grad_a, grad_b);
  lora_weight_gradients(dy.cpu, x.cpu, expected_low, lora_low_gradient(dy.cpu, cpu), cpu,
                        expected_a, expected_b);
  expect_near(grad_a, expected_a, product());
  expect_near(grad_b, expected_b, product());
}

TEST_P(GpuOperators, dropout_drops_what_the_cpu_drops) {
  const Pair x = random({40, 37}, 1);
  const at::Tensor gpu = dropout(x.gpu, 0.3, {7, 5, 3, 1}), cpu = dropout(x.cpu, 0.3, {7, 5, 3, 1});
  EXPECT_TRUE(at::equal(gpu.cpu().eq(0), cpu.eq(0)));
  expect_near(gpu, cpu, rounding());
}

TEST_P(GpuOperators, linear_cross_entropy) {
  const int64_t vocab = 1 << 17, rows = 1500;  // more than a chunk of logits
  const Pair x = random({rows, 16}, 1), weight = random({vocab, 16}, 2);
  const at::Tensor targets = at::arange(rows, at::kLong) * 61;
  LinearCrossEntropyGradients gpu{{}, at::empty({vocab, 16}, x.gpu.options().dtype(at::kFloat))};
  LinearCrossEntropyGradients cpu{{}, at::empty({vocab, 16})};
  at::Tensor gpu_logits, cpu_logits;
  const double loss =
      linear_cross_entropy(x.gpu, weight.gpu, targets.to(at::kCUDA), &gpu, gpu_logits)
          .item<double>();
  const double expected =
      linear_cross_entropy(x.cpu, weight.cpu, targets, &cpu, cpu_logits).item<double>();
  EXPECT_NEAR(loss / expected, 1.0, 1e-5);
  expect_near(gpu.dx, cpu.dx, product());
  expect_near(gpu.dw, cpu.dw, product());
}

TEST_P(GpuOperators, attention) {
  // Heads that flash attention takes and that it does not; windows; documents of one token.
  for (const int64_t head_dim : {64, 12}) {
    for (const std::optional<int64_t> window : {std::optional<int64_t>(), {5}, {70}}) {
      const Pair q = random({300, 8, head_dim}, 1), k = random({300, 2, head_dim}, 2);
      const Pair v = random({300, 2, head_dim}, 3), d_out = random({300, 8, head_dim}, 4);
      const AttentionMask mask{{0, 1, 100, 300}, window};
      const AttentionOutput gpu = attention(q.gpu, k.gpu, v.gpu, mask);
      const AttentionOutput cpu = attention(q.cpu, k.cpu, v.cpu, mask);
      expect_near(gpu.out, cpu.out, product());
      expect_near(gpu.logsumexp, cpu.logsumexp, 1e-3);
      const AttentionGradients d = attention_backward(d_out.gpu, q.gpu, k.gpu, v.gpu, gpu, mask);
      const AttentionGradients again =
          attention_backward(d_out.gpu, q.gpu, k.gpu, v.gpu, gpu, mask);
      const AttentionGradients expected =
          attention_backward(d_out.cpu, q.cpu, k.cpu, v.cpu, cpu, mask);
      expect_near(d.dq, expected.dq, product());
      expect_near(d.dk, expected.dk, product());
      expect_near(d.dv, expected.dv, product());
      EXPECT_TRUE(same_on_gpu(d.dq, again.dq) && same_on_gpu(d.dk, again.dk) &&
                  same_on_gpu(d.dv, again.dv));
      const std::vector<CachedSequence> last = {{0, q.cpu.size(0) - 299, 0, k.cpu.size(0)}};
      expect_near(attention_decode(q.gpu.slice(0, 299), k.gpu, v.gpu, last, window),
                  attention_decode(q.cpu.slice(0, 299), k.cpu, v.cpu, last, window), product());
    }
  }
}

TEST_P(GpuOperators, attention_of_single_tokens) {
  const Pair q = random({3, 8, 64}, 1), k = random({3, 2, 64}, 2), v = random({3, 2, 64}, 3);
  const AttentionMask mask{{0, 1, 2, 3}, {}};
  expect_near(attention(q.gpu, k.gpu, v.gpu, mask).out, attention(q.cpu, k.cpu, v.cpu, mask).out,
              product());
}

INSTANTIATE_TEST_SUITE_P(Types, GpuOperators, testing::Values(at::kFloat, at::kBFloat16),
                         [](const auto& test) { return std::string(c10::toString(test.param)); });

TEST(GpuExactOperators, adamw_and_square_sums_have_the_bits_of_the_cpu) {
  const at::Tensor g = random_tensor({40 * kSquaresChunk}, 2);
  const at::Tensor cpu[] = {random_tensor({g.numel()}), random_tensor({g.numel()}, 3),
                            random_tensor({g.numel()}).square()};
  const at::Tensor gpu[] = {cpu[0].to(at::kCUDA), cpu[1].to(at::kCUDA), cpu[2].to(at::kCUDA)};
  const AdamWOptions h{1e-2, 0.9, 0.95, 1e-8, 0.1, 0.5, 3};
  adamw_update(cpu[0], g, cpu[1], cpu[2], h);
  adamw_update(gpu[0], g.to(at::kCUDA), gpu[1], gpu[2], h);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(same_bits(gpu[i].cpu(), cpu[i])) << i;
  EXPECT_TRUE(at::equal(square_sums(g.to(at::kCUDA)), square_sums(g)));
}

}  // namespace
}  // namespace temper
