#include "kernels/cpu/attention_rows.h"

#include <algorithm>
#include <limits>

#include "kernels/cpu/lanes.h"

namespace temper {
namespace {

constexpr float kMinusInfinity = -std::numeric_limits<float>::infinity();

// x[i] becomes exp(scale x[i] - shift); returns their sum.
template <typename Lanes>
TEMPER_INLINE float exponentials(float* x, int64_t n, float scale, float shift) {
  using Float = typename Lanes::Float;
  Float sum = {};
  int64_t i = 0;
  for (; i + Lanes::kLanes <= n; i += Lanes::kLanes) {
    const Float e = exp_of<Float, typename Lanes::Int>(Lanes::load(x + i) * scale - shift);
    Lanes::store(x + i, e);
    sum += e;
  }
  if (i < n) {
    const Float part = Lanes::load_part(x + i, n - i, 0.0f);
    const Float e = exp_of<Float, typename Lanes::Int>(part * scale - shift);
    Lanes::store_part(x + i, e, n - i);
    sum += Lanes::first(e, n - i);
  }
  return Lanes::sum(sum);
}

struct Columns {
  int64_t begin, end;
};

// Returns the columns that row i sees; the rest becomes zero.
TEMPER_INLINE Columns clear_hidden(const ScoreStrip& strip, float* row, int64_t i) {
  const int64_t begin = std::clamp<int64_t>(strip.begin + i, 0, strip.columns);
  const int64_t end = std::clamp<int64_t>(strip.end + i, 0, strip.columns);
  std::fill(row, row + begin, 0.0f);
  std::fill(row + end, row + strip.columns, 0.0f);
  return {begin, end};
}

// Brings a row's state to a block with this maximum and sum; returns the factor for what earlier
// blocks gave.
TEMPER_INLINE float update(SoftmaxState& state, float new_max, float sum) {
  const float old_max = state.max;
  state.max = new_max;
  if (old_max == kMinusInfinity) {
    state.sum = sum;
    return 0.0f;
  }
  const float factor = old_max == new_max ? 1.0f : exp8(broadcast8(old_max - new_max))[0];
  state.sum = state.sum * factor + sum;
  return factor;
}

template <typename Lanes>
TEMPER_INLINE void softmax(const ScoreStrip& strip, float scale, SoftmaxState* states,
                           float* factors) {
  // The maxima of several rows first: none waits for another's.
  constexpr int64_t kRows = 16;
  for (int64_t first = 0; first < strip.rows; first += kRows) {
    const int64_t last = std::min(first + kRows, strip.rows);
    Columns seen[kRows];
    float max[kRows];
    for (int64_t i = first; i < last; ++i) {
      float* row = strip.scores + i * strip.stride;
      const Columns columns = clear_hidden(strip, row, i);
      seen[i - first] = columns;
      if (columns.begin == columns.end) continue;
      max[i - first] = std::max(
          states[i].max, scale * max_of<Lanes>(row + columns.begin, columns.end - columns.begin));
    }
    for (int64_t i = first; i < last; ++i) {
      const Columns columns = seen[i - first];
      factors[i] = 1.0f;
      if (columns.begin == columns.end) continue;
      const float sum = exponentials<Lanes>(strip.scores + i * strip.stride + columns.begin,
                                            columns.end - columns.begin, scale, max[i - first]);
      factors[i] = update(states[i], max[i - first], sum);
    }
  }
}

template <typename Lanes>
TEMPER_INLINE void backward_lanes(typename Lanes::Float& score, typename Lanes::Float& d,
                                  float scale, float logsumexp, float delta) {
  score = exp_of<typename Lanes::Float, typename Lanes::Int>(score * scale - logsumexp);
  d = (score * (d - delta)) * scale;
}

template <typename Lanes>
TEMPER_INLINE void softmax_backward(const ScoreStrip& strip, float* d_probability, float scale,
                                    const float* logsumexp, const float* delta) {
  using Float = typename Lanes::Float;
  for (int64_t i = 0; i < strip.rows; ++i) {
    float* row = strip.scores + i * strip.stride;
    float* d_row = d_probability + i * strip.stride;
    const Columns columns = clear_hidden(strip, row, i);
    clear_hidden(strip, d_row, i);
    int64_t c = columns.begin;
    for (; c + Lanes::kLanes <= columns.end; c += Lanes::kLanes) {
      Float score = Lanes::load(row + c), d = Lanes::load(d_row + c);
      backward_lanes<Lanes>(score, d, scale, logsumexp[i], delta[i]);
      Lanes::store(row + c, score);
      Lanes::store(d_row + c, d);
    }
    if (const int64_t rest = columns.end - c; rest > 0) {
      Float score = Lanes::load_part(row + c, rest, 0.0f);
      Float d = Lanes::load_part(d_row + c, rest, 0.0f);
      backward_lanes<Lanes>(score, d, scale, logsumexp[i], delta[i]);
      Lanes::store_part(row + c, score, rest);
      Lanes::store_part(d_row + c, d, rest);
    }
  }
}

TEMPER_MULTIVERSION void softmax_8(const ScoreStrip& strip, float scale, SoftmaxState* states,
                                   float* factors) {
  softmax<Eight>(strip, scale, states, factors);
}

TEMPER_MULTIVERSION void softmax_backward_8(const ScoreStrip& strip, float* d_probability,
                                            float scale, const float* logsumexp,
                                            const float* delta) {
  softmax_backward<Eight>(strip, d_probability, scale, logsumexp, delta);
}

#ifdef TEMPER_TARGET_AVX512

TEMPER_TARGET_AVX512 void softmax_16(const ScoreStrip& strip, float scale, SoftmaxState* states,
                                     float* factors) {
  softmax<Sixteen>(strip, scale, states, factors);
}

TEMPER_TARGET_AVX512 void softmax_backward_16(const ScoreStrip& strip, float* d_probability,
                                              float scale, const float* logsumexp,
                                              const float* delta) {
  softmax_backward<Sixteen>(strip, d_probability, scale, logsumexp, delta);
}

#endif

}  // namespace

void softmax_strip(const ScoreStrip& strip, float scale, SoftmaxState* states, float* factors,
                   [[maybe_unused]] Width width) {
#ifdef TEMPER_TARGET_AVX512
  if (width == Width::kSixteen) return softmax_16(strip, scale, states, factors);
#endif
  softmax_8(strip, scale, states, factors);
}

void softmax_backward_strip(const ScoreStrip& strip, float* d_probability, float scale,
                            const float* logsumexp, const float* delta,
                            [[maybe_unused]] Width width) {
#ifdef TEMPER_TARGET_AVX512
  if (width == Width::kSixteen) {
    return softmax_backward_16(strip, d_probability, scale, logsumexp, delta);
  }
#endif
  softmax_backward_8(strip, d_probability, scale, logsumexp, delta);
}

TEMPER_MULTIVERSION float dot_row(const float* a, const float* b, int64_t n) {
  Float8 sum = {};
  int64_t i = 0;
  for (; i + 8 <= n; i += 8) sum += load8(a + i) * load8(b + i);
  if (i < n) sum += load_part8(a + i, n - i, 0.0f) * load_part8(b + i, n - i, 0.0f);
  return sum_lanes(sum);
}

}  // namespace temper
