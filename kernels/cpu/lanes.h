// Row loops that are written once, for values of eight lanes and of sixteen.
#pragma once

#include <cstdint>
#include <limits>

#include "kernels/cpu/float16.h"
#include "kernels/cpu/float8.h"

namespace temper {

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

#endif

template <typename Lanes>
TEMPER_INLINE float max_of(const float* x, int64_t n) {
  using Float = typename Lanes::Float;
  constexpr int64_t kLanes = Lanes::kLanes;
  constexpr float kLowest = -std::numeric_limits<float>::infinity();
  Float even = Float{} + kLowest, odd = even;
  int64_t i = 0;
  for (; i + 2 * kLanes <= n; i += 2 * kLanes) {
    const Float a = Lanes::load(x + i), b = Lanes::load(x + i + kLanes);
    even = a > even ? a : even;
    odd = b > odd ? b : odd;
  }
  for (; i < n; i += kLanes) {
    const Float a = i + kLanes <= n ? Lanes::load(x + i) : Lanes::load_part(x + i, n - i, kLowest);
    even = a > even ? a : even;
  }
  return Lanes::max(odd > even ? odd : even);
}

}  // namespace temper
