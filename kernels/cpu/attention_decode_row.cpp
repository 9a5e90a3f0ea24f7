#include "kernels/cpu/attention_decode_row.h"

#include <limits>

#include "kernels/cpu/attention_rows.h"
#include "kernels/cpu/float8.h"

namespace temper {
namespace {

// Scores of up to four keys; together, so that their sums do not wait for each other.
template <int64_t kKeys>
TEMPER_INLINE void score_keys(const float* q, const float* k, int64_t dim, int64_t stride,
                              float* scores) {
  Float8 sums[4];
  for (Float8& sum : sums) sum = broadcast8(0.0f);
  int64_t i = 0;
  for (; i + 8 <= dim; i += 8) {
    const Float8 part = load8(q + i);
    for (int64_t j = 0; j < kKeys; ++j) sums[j] += part * load8(k + j * stride + i);
  }
  if (i < dim) {
    const Float8 part = load_part8(q + i, dim - i, 0.0f);
    for (int64_t j = 0; j < kKeys; ++j) {
      sums[j] += part * load_part8(k + j * stride + i, dim - i, 0.0f);
    }
  }
  const Float4 totals = sum_lanes_of(sums[0], sums[1], sums[2], sums[3]);
  for (int64_t j = 0; j < kKeys; ++j) scores[j] = totals[j];
}

// `width` (a multiple of 8, at most 32) columns of the values, weighted.
template <int64_t kWidth>
TEMPER_INLINE void weigh_values(const float* weights, const float* v, int64_t num_keys,
                                int64_t stride, float factor, float* out) {
  Float8 sums[kWidth / 8] = {};
  for (int64_t j = 0; j < num_keys; ++j) {
    for (int64_t c = 0; c < kWidth / 8; ++c) sums[c] += weights[j] * load8(v + j * stride + 8 * c);
  }
  for (int64_t c = 0; c < kWidth / 8; ++c) store8(out + 8 * c, sums[c] * factor);
}

}  // namespace

TEMPER_MULTIVERSION void attention_decode_row(const float* q, const float* k, const float* v,
                                              int64_t num_keys, int64_t dim, int64_t stride,
                                              float scale, float* scores, float* out) {
  int64_t j = 0;
  for (; j + 4 <= num_keys; j += 4) score_keys<4>(q, k + j * stride, dim, stride, scores + j);
  for (; j < num_keys; ++j) score_keys<1>(q, k + j * stride, dim, stride, scores + j);
  SoftmaxState state{-std::numeric_limits<float>::infinity(), 0.0f};
  const ScoreStrip row{scores, num_keys, 1, num_keys, 0, num_keys};
  float factor;
  softmax_strip(row, scale, &state, &factor);
  factor = 1.0f / state.sum;
  int64_t i = 0;
  for (; i + 32 <= dim; i += 32) weigh_values<32>(scores, v + i, num_keys, stride, factor, out + i);
  for (; i + 8 <= dim; i += 8) weigh_values<8>(scores, v + i, num_keys, stride, factor, out + i);
  for (; i < dim; ++i) {
    float sum = 0.0f;
    for (j = 0; j < num_keys; ++j) sum += scores[j] * v[j * stride + i];
    out[i] = sum * factor;
  }
}

}  // namespace temper
