#include "kernels/cpu/attention_rows.h"

#include <algorithm>
#include <limits>

#include "kernels/cpu/float16.h"
#include "kernels/cpu/float8.h"

namespace temper {
namespace {

constexpr float kMinusInfinity = -std::numeric_limits<float>::infinity();

// The loops below are written once, for values of eight lanes and of sixteen.
struct Eight {
  using Float = Float8;
  using Int = Int8;
  static constexpr int64_t kLanes = 8;
  static TEMPER_INLINE Float load(const float* in) { return load8(in); }
  static TEMPER_INLINE Float load_part(const float* in, int64_t count, float fill) {
    return load_part8(in, count, fill);
  }
  static TEMPER_INLINE void store(float* out, const Float& value) { store8(out, value); }
  static TEMPER_INLINE void store_part(float* out, const Float& value, int64_t count) {
    store_part8(out, value, count);
  }
  static TEMPER_INLINE Float first(const Float& value, int64_t count) {
    Float result = {};
    for (int64_t i = 0; i < count; ++i) result[i] = value[i];
    return result;
  }
  static TEMPER_INLINE float sum(const Float& value) { return sum_lanes(value); }
  static TEMPER_INLINE float max(const Float& value) { return max_lanes(value); }
};

template <typename Lanes>
TEMPER_INLINE float max_of(const float* x, int64_t n) {
  using Float = typename Lanes::Float;
  constexpr int64_t kLanes = Lanes::kLanes;
  Float even = Float{} + kMinusInfinity, odd = even;
  int64_t i = 0;
  for (; i + 2 * kLanes <= n; i += 2 * kLanes) {
    const Float a = Lanes::load(x + i), b = Lanes::load(x + i + kLanes);
    even = a > even ? a : even;
    odd = b > odd ? b : odd;
  }
  for (; i < n; i += kLanes) {
    const Float a =
        i + kLanes <= n ? Lanes::load(x + i) : Lanes::load_part(x + i, n - i, kMinusInfinity);
    even = a > even ? a : even;
  }
  return Lanes::max(odd > even ? odd : even);
}

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

template <typename Lanes>
TEMPER_INLINE float softmax(float* scores, int64_t n, int64_t begin, int64_t end, float scale,
                            SoftmaxState& state) {
  std::fill(scores, scores + std::min(begin, n), 0.0f);
  std::fill(scores + std::max(end, begin), scores + n, 0.0f);
  if (begin >= end) return 1.0f;
  const float old_max = state.max;
  state.max = std::max(old_max, scale * max_of<Lanes>(scores + begin, end - begin));
  const float total = exponentials<Lanes>(scores + begin, end - begin, scale, state.max);
  if (old_max == kMinusInfinity) {
    state.sum = total;
    return 0.0f;
  }
  const float factor = old_max == state.max ? 1.0f : exp8(broadcast8(old_max - state.max))[0];
  state.sum = state.sum * factor + total;
  return factor;
}

template <typename Lanes>
TEMPER_INLINE void softmax_backward(float* scores, float* d_probability, int64_t n, int64_t begin,
                                    int64_t end, float scale, float logsumexp, float delta) {
  using Float = typename Lanes::Float;
  end = std::max(begin, end);
  for (float* row : {scores, d_probability}) {
    std::fill(row, row + std::min(begin, n), 0.0f);
    std::fill(row + end, row + n, 0.0f);
  }
  int64_t i = begin;
  for (; i + Lanes::kLanes <= end; i += Lanes::kLanes) {
    const Float d = Lanes::load(d_probability + i);
    const Float p = exp_of<Float, typename Lanes::Int>(Lanes::load(scores + i) * scale - logsumexp);
    Lanes::store(scores + i, p);
    Lanes::store(d_probability + i, (p * (d - delta)) * scale);
  }
  if (i < end) {
    const int64_t rest = end - i;
    const Float d = Lanes::load_part(d_probability + i, rest, 0.0f);
    const Float score = Lanes::load_part(scores + i, rest, 0.0f);
    const Float p = exp_of<Float, typename Lanes::Int>(score * scale - logsumexp);
    Lanes::store_part(scores + i, p, rest);
    Lanes::store_part(d_probability + i, (p * (d - delta)) * scale, rest);
  }
}

TEMPER_MULTIVERSION float softmax_8(float* scores, int64_t n, int64_t begin, int64_t end,
                                    float scale, SoftmaxState& state) {
  return softmax<Eight>(scores, n, begin, end, scale, state);
}

TEMPER_MULTIVERSION void softmax_backward_8(float* scores, float* d_probability, int64_t n,
                                            int64_t begin, int64_t end, float scale,
                                            float logsumexp, float delta) {
  softmax_backward<Eight>(scores, d_probability, n, begin, end, scale, logsumexp, delta);
}

#ifdef TEMPER_TARGET_AVX512

struct Sixteen {
  using Float = Float16;
  using Int = Int16;
  static constexpr int64_t kLanes = 16;
  static TEMPER_INLINE Float load(const float* in) { return load16(in); }
  TEMPER_TARGET_AVX512 static inline Float load_part(const float* in, int64_t count, float fill) {
    return load_part16(in, count, fill);
  }
  static TEMPER_INLINE void store(float* out, const Float& value) { store16(out, value); }
  TEMPER_TARGET_AVX512 static inline void store_part(float* out, const Float& value,
                                                     int64_t count) {
    store_part16(out, value, count);
  }
  TEMPER_TARGET_AVX512 static inline Float first(const Float& value, int64_t count) {
    return first16(value, count);
  }
  static TEMPER_INLINE float sum(const Float& value) {
    return sum_lanes(low_half(value) + high_half(value));
  }
  static TEMPER_INLINE float max(const Float& value) {
    return max_lanes(max8(low_half(value), high_half(value)));
  }
};

TEMPER_TARGET_AVX512 float softmax_16(float* scores, int64_t n, int64_t begin, int64_t end,
                                      float scale, SoftmaxState& state) {
  return softmax<Sixteen>(scores, n, begin, end, scale, state);
}

TEMPER_TARGET_AVX512 void softmax_backward_16(float* scores, float* d_probability, int64_t n,
                                              int64_t begin, int64_t end, float scale,
                                              float logsumexp, float delta) {
  softmax_backward<Sixteen>(scores, d_probability, n, begin, end, scale, logsumexp, delta);
}

bool has_sixteen() {
  static const bool has =
      __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512vl") != 0;
  return has;
}

#endif

}  // namespace

float softmax_row(float* scores, int64_t n, int64_t begin, int64_t end, float scale,
                  SoftmaxState& state) {
#ifdef TEMPER_TARGET_AVX512
  if (has_sixteen()) return softmax_16(scores, n, begin, end, scale, state);
#endif
  return softmax_8(scores, n, begin, end, scale, state);
}

void softmax_backward_row(float* scores, float* d_probability, int64_t n, int64_t begin,
                          int64_t end, float scale, float logsumexp, float delta) {
#ifdef TEMPER_TARGET_AVX512
  if (has_sixteen()) {
    return softmax_backward_16(scores, d_probability, n, begin, end, scale, logsumexp, delta);
  }
#endif
  softmax_backward_8(scores, d_probability, n, begin, end, scale, logsumexp, delta);
}

TEMPER_MULTIVERSION float dot_row(const float* a, const float* b, int64_t n) {
  Float8 sum = {};
  int64_t i = 0;
  for (; i + 8 <= n; i += 8) sum += load8(a + i) * load8(b + i);
  if (i < n) sum += load_part8(a + i, n - i, 0.0f) * load_part8(b + i, n - i, 0.0f);
  return sum_lanes(sum);
}

}  // namespace temper
