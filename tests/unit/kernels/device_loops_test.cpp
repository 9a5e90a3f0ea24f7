// The loops of kernels/cuda/, compiled for the host and run thread by thread, against the CPU's:
// the same sources as on a GPU, without one. What only a GPU shows (its compiler, its memory, races
// between threads that really run at once) they do not show.
#include "tests/unit/kernels/host_device.h"
// The shim comes first.
#include "kernels/cuda/element_loops.cuh"
#include "kernels/cuda/row_loops.cuh"

#include <gtest/gtest.h>

#include "common/philox.h"
#include "kernels/adamw.h"
#include "kernels/dropout.h"
#include "kernels/embedding.h"
#include "kernels/linear.h"
#include "kernels/linear_cross_entropy.h"
#include "kernels/operators.h"
#include "kernels/rms_norm.h"
#include "kernels/rope.h"
#include "kernels/square_sums.h"
#include "kernels/swiglu.h"
#include "tests/unit/kernels/tensors.h"

namespace temper {
namespace {

constexpr double kRounding = 1.0 / 256;

int64_t blocks_over(int64_t elements) {
  return (elements + kThreads - 1) / kThreads;
}

void launch(int64_t blocks, const std::function<void()>& body) {
  launch_on_host(blocks, 1, kThreads, body);
}

template <typename T>
constexpr at::ScalarType kType = std::is_same_v<T, float> ? at::kFloat : at::kBFloat16;

template <typename T>
T* data(const at::Tensor& x) {
  EXPECT_EQ(x.scalar_type(), kType<T>);
  return static_cast<T*>(x.data_ptr());
}

float* floats(const at::Tensor& x) {
  return x.data_ptr<float>();
}

int64_t* integers(const at::Tensor& x) {
  return x.data_ptr<int64_t>();
}

// Every loop for both types: the expected results are fp32's on the same values.
template <typename T>
class DeviceLoops : public testing::Test {
 protected:
  static at::Tensor random(std::vector<int64_t> shape, uint64_t seed) {
    return random_tensor(std::move(shape), seed).to(kType<T>);
  }
  static at::Tensor fp32(const at::Tensor& x) { return x.to(at::kFloat).clone(); }
  // bf16 results are rounded once.
  static void expect_near(const at::Tensor& actual, const at::Tensor& expected) {
    const double tolerance = std::is_same_v<T, float> ? 3e-6 : kRounding;
    EXPECT_LT(relative_error(actual.to(at::kFloat), expected), tolerance);
  }
};

using Types = testing::Types<float, Bf16>;
TYPED_TEST_SUITE(DeviceLoops, Types);

TYPED_TEST(DeviceLoops, rms_norm) {
  using T = TypeParam;
  // A row of fewer elements than a block has threads, and of more.
  for (const int64_t n : {24, 700}) {
    constexpr int64_t kRows = 70;
    const at::Tensor x = this->random({kRows, n}, 1), weight = this->random({n}, 2);
    const at::Tensor dy = this->random({kRows, n}, 3), residual = this->random({kRows, n}, 4);
    const at::Tensor inverse = at::full({kRows}, NAN), y = at::empty_like(x);
    launch(kRows, [&] { inverse_rms_rows(data<T>(x), n, 1e-5, floats(inverse)); });
    EXPECT_LT(relative_error(inverse, inverse_rms(this->fp32(x), 1e-5)), 1e-6);
    launch(kRows,
           [&] { rms_norm_rows(data<T>(x), data<T>(weight), floats(inverse), n, data<T>(y)); });
    this->expect_near(y, rms_norm(this->fp32(x), this->fp32(weight), inverse));
    for (const at::Tensor& add : {at::Tensor(), residual}) {
      const at::Tensor dx = at::empty_like(x);
      launch(kRows, [&] {
        rms_norm_backward_rows(data<T>(dy), data<T>(x), data<T>(weight), floats(inverse),
                               add.defined() ? data<T>(add) : nullptr, n, data<T>(dx));
      });
      this->expect_near(
          dx, rms_norm_backward(this->fp32(dy), this->fp32(x), this->fp32(weight), inverse,
                                add.defined() ? this->fp32(add) : at::Tensor()));
    }
    // Rows cut into parts that do not come out even.
    constexpr int64_t kRowsPerPart = 32, kParts = 3;
    const at::Tensor parts = at::full({kParts, n}, NAN), dw = at::full({n}, NAN);
    const NormProduct<T> term{data<T>(dy), data<T>(x), floats(inverse), n};
    launch_on_host(blocks_over(n), kParts, kThreads,
                   [&] { column_parts(term, kRows, n, kRowsPerPart, floats(parts)); });
    launch(blocks_over(n), [&] { add_column_parts(floats(parts), kParts, n, floats(dw)); });
    at::Tensor expected = at::empty({n});
    rms_norm_weight_gradient(this->fp32(dy), this->fp32(x), inverse, expected);
    EXPECT_LT(relative_error(dw, expected), 3e-6);
  }
}

TYPED_TEST(DeviceLoops, column_sum) {
  using T = TypeParam;
  const at::Tensor x = this->random({70, 300}, 1);
  const at::Tensor parts = at::full({3, 300}, NAN), sum = at::full({300}, NAN);
  launch_on_host(blocks_over(300), 3, kThreads, [&] {
    column_parts(Element<T>{data<T>(x), 300}, 70, 300, 32, floats(parts));
  });
  launch(blocks_over(300), [&] { add_column_parts(floats(parts), 3, 300, floats(sum)); });
  at::Tensor expected = at::empty({300});
  linear_bias_gradient(this->fp32(x), expected);
  EXPECT_LT(relative_error(sum, expected), 3e-6);
}

TYPED_TEST(DeviceLoops, rope) {
  using T = TypeParam;
  const int64_t tokens = 41, heads = 3, half = 4, rows = 7;
  const at::Tensor x = this->random({tokens, heads, 2 * half}, 1);
  const at::Tensor positions = at::arange(tokens, at::kLong) % rows;
  const RopeAngles angles = rope_angles({1.0, 0.3, 0.1, 0.01}, rows);
  at::Tensor expected = this->fp32(x);
  rope_backward_(expected, positions, angles);
  const int64_t pairs = tokens * heads * half;
  const auto turn = [&](const at::Tensor& y) {
    launch(blocks_over(pairs), [&] {
      rope_pairs(data<T>(y), integers(positions), floats(angles.cos), floats(angles.sin), -1.0f,
                 heads, half, pairs, rows);
    });
  };
  const at::Tensor y = x.clone();
  turn(y);
  this->expect_near(y, expected);
  if (std::is_same_v<T, float>) {
    EXPECT_TRUE(same_bits(y, expected));
  }
  // A position outside the table ends in NaN, not outside of memory.
  positions[5] = rows;
  const at::Tensor outside = x.clone();
  turn(outside);
  EXPECT_TRUE(outside[5].isnan().all().item<bool>());
  EXPECT_FALSE(outside[6].isnan().any().item<bool>());
}

TYPED_TEST(DeviceLoops, swiglu) {
  using T = TypeParam;
  const at::Tensor gate = this->random({9, 130}, 1) * 3, up = this->random({9, 130}, 2);
  const at::Tensor dy = this->random({9, 130}, 3), y = at::empty_like(gate);
  const int64_t n = gate.numel();
  launch(blocks_over(n), [&] { swiglu_elements(data<T>(gate), data<T>(up), n, data<T>(y)); });
  this->expect_near(y, swiglu(this->fp32(gate), this->fp32(up)));
  const at::Tensor expected[] = {this->fp32(gate), this->fp32(up), this->fp32(dy)};
  swiglu_backward_(expected[0], expected[1], expected[2]);
  launch(blocks_over(n),
         [&] { swiglu_backward_elements(data<T>(gate), data<T>(up), data<T>(dy), n); });
  this->expect_near(gate, expected[0]);
  this->expect_near(up, expected[1]);
  this->expect_near(dy, expected[2]);
}

TYPED_TEST(DeviceLoops, embedding_gradient) {
  using T = TypeParam;
  const at::Tensor dy = this->random({50, 300}, 1), tokens = at::arange(50, at::kLong) * 7 % 9;
  const auto [sorted, order] = at::sort(tokens, /*stable=*/true, 0, false);
  const at::Tensor dw = at::zeros({11, 300});
  at::Tensor expected = at::empty({11, 300});
  launch(50, [&, s = sorted, o = order] {
    embedding_gradient_rows(data<T>(dy), integers(s), integers(o), 50, 300, 11, floats(dw));
  });
  embedding_weight_gradient(this->fp32(dy), tokens, expected);
  EXPECT_TRUE(same_bits(dw, expected));  // the CPU adds in token order, too
}

TYPED_TEST(DeviceLoops, dropout) {
  using T = TypeParam;
  const at::Tensor x = this->random({7, 53}, 1), y = at::full_like(x, NAN);
  const DropoutKey key{7, 5, 3, 1};
  const std::array<uint32_t, 2> philox_key = Philox(key.seed, key.site).key();
  const uint64_t counter_high = static_cast<uint64_t>(key.step) << 24 | 3;
  const int64_t n = x.numel(), blocks = (n + 63) / 64 * 8;
  const uint32_t threshold = 0.25 * 65536;
  const float scale = 65536.0f / (65536.0f - static_cast<float>(threshold));
  launch(blocks_over(blocks), [&] {
    dropout_blocks(data<T>(x), n, blocks, philox_key[0], philox_key[1], counter_high, threshold,
                   scale, data<T>(y));
  });
  const at::Tensor expected =
      dropout(x, 0.25, key);  // the loop of the CPU, or the reference operator
  EXPECT_TRUE(at::equal(y, expected));
}

TEST(DeviceLoops, bf16_is_rounded_as_aten_rounds) {
  const at::Tensor values =
      at::cat({random_tensor({4000}), random_tensor({4000}) * 1e38, random_tensor({4000}) * 1e-40,
               at::tensor({0.0f, -0.0f}), at::tensor({INFINITY, -INFINITY, NAN})});
  const at::Tensor expected = values.to(at::kBFloat16);
  for (int64_t i = 0; i < values.numel(); ++i) {
    Bf16 out{};
    store(out, floats(values)[i]);
    const float actual = widen(out), wanted = expected[i].item<float>();
    EXPECT_TRUE(actual == wanted || (std::isnan(actual) && std::isnan(wanted))) << values[i];
  }
}

TEST(DeviceLoops, cross_entropy) {
  const at::Tensor logits = random_tensor({17, 700}) * 5, targets = at::arange(17, at::kLong) * 40;
  const at::Tensor logsumexp = at::full({17}, NAN), losses = at::full({17}, NAN, at::kDouble);
  const auto lose = [&] {
    launch(17, [&] {
      cross_entropy_rows(floats(logits), integers(targets), 700, floats(logsumexp),
                         losses.data_ptr<double>());
    });
  };
  lose();
  at::Tensor expected_sums = at::empty({17}), gradient = logits.clone();
  const double loss =
      reference_operators().chunk_loss(logits, targets, expected_sums).item<double>();
  EXPECT_NEAR(losses.sum().item<double>(), loss, 1e-5 * loss);
  EXPECT_LT(relative_error(logsumexp, expected_sums), 1e-6);
  reference_operators().chunk_gradient_(gradient, targets, logsumexp);
  targets[3] = 700;  // no column
  lose();
  EXPECT_TRUE(std::isnan(losses[3].item<double>()));
  EXPECT_TRUE(std::isfinite(losses[4].item<double>()));
  targets[3] = 120;
  launch(17, [&] {
    cross_entropy_gradient_rows(floats(logits), integers(targets), floats(logsumexp), 700);
  });
  EXPECT_LT(relative_error(logits, gradient), 1e-6);
}

TEST(DeviceLoops, square_sums_have_the_bits_of_the_cpu) {
  const at::Tensor x = random_tensor({40 * kSquaresChunk}), sums = at::empty({40}, at::kDouble);
  launch(blocks_over(40 * kSquareLanes),
         [&] { square_sum_chunks(floats(x), 40, kSquaresChunk, sums.data_ptr<double>()); });
  EXPECT_TRUE(at::equal(sums, square_sums(x)));
}

TEST(DeviceLoops, adamw_has_the_bits_of_the_cpu) {
  const at::Tensor g = random_tensor({700}, 2);
  const AdamWOptions h{1e-2, 0.9, 0.95, 1e-8, 0.1, 0.5, 3};
  const at::Tensor actual[] = {random_tensor({700}), random_tensor({700}, 3),
                               random_tensor({700}).square()};
  const at::Tensor expected[] = {actual[0].clone(), actual[1].clone(), actual[2].clone()};
  adamw_update(expected[0], g, expected[1], expected[2], h);
  launch(blocks_over(700), [&] {
    adamw_update_elements(floats(actual[0]), floats(g), floats(actual[1]), floats(actual[2]), 700,
                          adamw_factors(h));
  });
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(same_bits(actual[i], expected[i]));
}

}  // namespace
}  // namespace temper
