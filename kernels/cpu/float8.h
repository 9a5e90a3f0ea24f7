// Eight floats as one value, and the functions the row loops share. Every sum has a fixed order, so
// a result does not depend on alignment; nor on the instruction set, where a loop has no version
// for sixteen (kernels/cpu/lanes.h).
#pragma once

#include <cstdint>
#include <cstring>

#define TEMPER_INLINE __attribute__((always_inline)) inline

// Compiles a function a second time for AVX2; the loader picks. (Sanitizers start too late for it.)
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)
#define TEMPER_MULTIVERSION __attribute__((target_clones("avx2", "default")))
// For matrix products: also with fused multiply-adds, which their files allow.
#define TEMPER_MULTIVERSION_FMA __attribute__((target_clones("fma", "default")))
#else
#define TEMPER_MULTIVERSION
#define TEMPER_MULTIVERSION_FMA
#endif

// Marks functions that the caller picks by the machine.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define TEMPER_TARGET_AVX512 __attribute__((target("avx512f,avx512vl,fma")))
#endif

namespace temper {

using Float8 = float __attribute__((vector_size(32)));
using Int8 = int32_t __attribute__((vector_size(32)));

TEMPER_INLINE Float8 broadcast8(float value) {
  return Float8{value, value, value, value, value, value, value, value};
}

TEMPER_INLINE Float8 load8(const float* in) {
  Float8 value;
  std::memcpy(&value, in, sizeof(value));
  return value;
}

TEMPER_INLINE void store8(float* out, Float8 value) {
  std::memcpy(out, &value, sizeof(value));
}

// The first `count` (< 8) lanes from memory, the others `fill`.
TEMPER_INLINE Float8 load_part8(const float* in, int64_t count, float fill) {
  Float8 value = broadcast8(fill);
  for (int64_t i = 0; i < count; ++i) value[i] = in[i];
  return value;
}

TEMPER_INLINE void store_part8(float* out, Float8 value, int64_t count) {
  for (int64_t i = 0; i < count; ++i) out[i] = value[i];
}

TEMPER_INLINE float sum_lanes(Float8 v) {
  return ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7]));
}

using Float4 = float __attribute__((vector_size(16)));

TEMPER_INLINE Float4 add_halves(Float8 v) {
  Float4 halves[2];
  std::memcpy(halves, &v, sizeof(v));
  return halves[0] + halves[1];
}

// The sums of four values' lanes, in the order of sum_lanes.
TEMPER_INLINE Float4 sum_lanes_of(const Float8& a, const Float8& b, const Float8& c,
                                  const Float8& d) {
  const Float4 a4 = add_halves(a), b4 = add_halves(b), c4 = add_halves(c), d4 = add_halves(d);
  const Float4 ab = Float4{a4[0], a4[1], b4[0], b4[1]} + Float4{a4[2], a4[3], b4[2], b4[3]};
  const Float4 cd = Float4{c4[0], c4[1], d4[0], d4[1]} + Float4{c4[2], c4[3], d4[2], d4[3]};
  return Float4{ab[0], ab[2], cd[0], cd[2]} + Float4{ab[1], ab[3], cd[1], cd[3]};
}

TEMPER_INLINE void store4(float* out, Float4 value) {
  std::memcpy(out, &value, sizeof(value));
}

TEMPER_INLINE Float8 max8(Float8 a, Float8 b) {
  return a > b ? a : b;
}

TEMPER_INLINE float max_lanes(Float8 v) {
  float result = v[0];
  for (int i = 1; i < 8; ++i) result = v[i] > result ? v[i] : result;
  return result;
}

// exp(x) to 2 ulp (Cephes' expf: range reduction by ln 2 in two parts, a polynomial of degree 7).
// Below -87.3 it is 1.2e-38 and above 88.3 it is 2.3e38, never 0 or infinite; NaN stays NaN.
template <typename Float, typename Int>
TEMPER_INLINE Float exp_of(Float x) {
  const Float low = Float{} - 87.33f, high = Float{} + 88.37f;
  x = low > x ? low : x;
  x = high < x ? high : x;
  // Adding 1.5 x 2^23 rounds to an integer, which is then in the low bits of the mantissa.
  const Float shift = Float{} + 12582912.0f;
  const Float shifted = x * 1.44269504088896341f + shift;
  const Float n = shifted - shift;
  const Float r = (x - n * 0.693359375f) - n * -2.12194440e-4f;
  Float p = r * 1.9875691500e-4f + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = (p * (r * r) + r) + 1.0f;
  Int exponent;
  std::memcpy(&exponent, &shifted, sizeof(exponent));
  exponent = (exponent - 0x4B400000 + 127) << 23;
  Float power;
  std::memcpy(&power, &exponent, sizeof(power));
  return p * power;
}

TEMPER_INLINE Float8 exp8(Float8 x) {
  return exp_of<Float8, Int8>(x);
}

}  // namespace temper
