#include "kernels/cpu/attention_rows.h"

#include <algorithm>
#include <limits>

#include "kernels/cpu/float8.h"

namespace temper {

TEMPER_MULTIVERSION float softmax_row(float* scores, int64_t n, int64_t begin, int64_t end,
                                      float scale, SoftmaxState& state) {
  constexpr float kMinusInfinity = -std::numeric_limits<float>::infinity();
  std::fill(scores, scores + std::min(begin, n), 0.0f);
  std::fill(scores + std::max(end, begin), scores + n, 0.0f);
  if (begin >= end) return 1.0f;
  Float8 max_even = broadcast8(kMinusInfinity), max_odd = max_even;
  int64_t i = begin;
  for (; i + 16 <= end; i += 16) {
    max_even = max8(load8(scores + i), max_even);
    max_odd = max8(load8(scores + i + 8), max_odd);
  }
  for (; i < end; i += 8) {
    const Float8 part =
        i + 8 <= end ? load8(scores + i) : load_part8(scores + i, end - i, kMinusInfinity);
    max_even = max8(part, max_even);
  }
  const float old_max = state.max;
  state.max = std::max(old_max, scale * max_lanes(max8(max_odd, max_even)));
  const Float8 shift = broadcast8(state.max);
  Float8 sum = {};
  for (i = begin; i + 8 <= end; i += 8) {
    const Float8 e = exp8(load8(scores + i) * scale - shift);
    store8(scores + i, e);
    sum += e;
  }
  float total = sum_lanes(sum);
  if (i < end) {
    const Float8 e = exp8(load_part8(scores + i, end - i, 0.0f) * scale - shift);
    store_part8(scores + i, e, end - i);
    for (int64_t lane = 0; lane < end - i; ++lane) total += e[lane];
  }
  if (old_max == kMinusInfinity) {
    state.sum = total;
    return 0.0f;
  }
  const float factor = old_max == state.max ? 1.0f : exp8(broadcast8(old_max - state.max))[0];
  state.sum = state.sum * factor + total;
  return factor;
}

namespace {

TEMPER_INLINE void backward8(Float8& score, Float8& d, float scale, float logsumexp, float delta) {
  score = exp8(score * scale - logsumexp);
  d = (score * (d - delta)) * scale;
}

}  // namespace

TEMPER_MULTIVERSION void softmax_backward_row(float* scores, float* d_probability, int64_t n,
                                              int64_t begin, int64_t end, float scale,
                                              float logsumexp, float delta) {
  std::fill(scores, scores + std::min(begin, n), 0.0f);
  std::fill(d_probability, d_probability + std::min(begin, n), 0.0f);
  end = std::max(begin, end);
  std::fill(scores + end, scores + n, 0.0f);
  std::fill(d_probability + end, d_probability + n, 0.0f);
  int64_t i = begin;
  for (; i + 8 <= end; i += 8) {
    Float8 s = load8(scores + i), d = load8(d_probability + i);
    backward8(s, d, scale, logsumexp, delta);
    store8(scores + i, s);
    store8(d_probability + i, d);
  }
  if (i < end) {
    const int64_t rest = end - i;
    Float8 s = load_part8(scores + i, rest, 0.0f), d = load_part8(d_probability + i, rest, 0.0f);
    backward8(s, d, scale, logsumexp, delta);
    store_part8(scores + i, s, rest);
    store_part8(d_probability + i, d, rest);
  }
}

TEMPER_MULTIVERSION float dot_row(const float* a, const float* b, int64_t n) {
  Float8 sum = {};
  int64_t i = 0;
  for (; i + 8 <= n; i += 8) sum += load8(a + i) * load8(b + i);
  if (i < n) sum += load_part8(a + i, n - i, 0.0f) * load_part8(b + i, n - i, 0.0f);
  return sum_lanes(sum);
}

}  // namespace temper
