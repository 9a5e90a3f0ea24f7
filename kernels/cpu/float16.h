// Sixteen floats as one value, for functions of TEMPER_TARGET_AVX512.
#pragma once

#include "kernels/cpu/float8.h"

#ifdef TEMPER_TARGET_AVX512

#include <immintrin.h>

#include <cstdint>
#include <cstring>

namespace temper {

using Float16 = float __attribute__((vector_size(64)));
using Int16 = int32_t __attribute__((vector_size(64)));

TEMPER_INLINE Float16 load16(const float* in) {
  Float16 value;
  std::memcpy(&value, in, sizeof(value));
  return value;
}

TEMPER_INLINE void store16(float* out, Float16 value) {
  std::memcpy(out, &value, sizeof(value));
}

TEMPER_TARGET_AVX512 inline __mmask16 first_lanes(int64_t count) {
  return static_cast<__mmask16>((1 << count) - 1);
}

// The first `count` (< 16) lanes from memory, the others `fill`.
TEMPER_TARGET_AVX512 inline Float16 load_part16(const float* in, int64_t count, float fill) {
  return _mm512_mask_loadu_ps(_mm512_set1_ps(fill), first_lanes(count), in);
}

TEMPER_TARGET_AVX512 inline void store_part16(float* out, Float16 value, int64_t count) {
  _mm512_mask_storeu_ps(out, first_lanes(count), value);
}

// The first `count` lanes, the others zero.
TEMPER_TARGET_AVX512 inline Float16 first16(Float16 value, int64_t count) {
  return _mm512_maskz_mov_ps(first_lanes(count), value);
}

// out[j * out_stride + i] = in[i * in_stride + j], of sixteen by sixteen.
TEMPER_TARGET_AVX512 inline void transpose16(const float* in, int64_t in_stride, float* out,
                                             int64_t out_stride) {
  Float16 rows[16], pairs[16];
  for (int64_t i = 0; i < 16; ++i) rows[i] = load16(in + i * in_stride);
  // Four rounds, each of which interleaves rows i and i + 8.
  const Int16 low = {0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23};
  const Int16 high = low + 8;
  for (int round = 0; round < 4; ++round) {
#pragma GCC unroll 8
    for (int64_t i = 0; i < 8; ++i) {
      pairs[2 * i] = __builtin_shuffle(rows[i], rows[i + 8], low);
      pairs[2 * i + 1] = __builtin_shuffle(rows[i], rows[i + 8], high);
    }
    std::memcpy(rows, pairs, sizeof(rows));
  }
  for (int64_t j = 0; j < 16; ++j) store16(out + j * out_stride, rows[j]);
}

TEMPER_INLINE Float8 low_half(const Float16& value) {
  Float8 halves[2];
  std::memcpy(halves, &value, sizeof(value));
  return halves[0];
}

TEMPER_INLINE Float8 high_half(const Float16& value) {
  Float8 halves[2];
  std::memcpy(halves, &value, sizeof(value));
  return halves[1];
}

}  // namespace temper

#endif
