// Row loops and products ask here what the processor can do. Inside kernels/ only.
#pragma once

namespace temper {

// Whether functions of TEMPER_TARGET_AVX512 (kernels/cpu/float8.h).
inline bool has_avx512() {
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
  static const bool has = __builtin_cpu_supports("avx512f") != 0 &&
                          __builtin_cpu_supports("avx512vl") != 0 &&
                          __builtin_cpu_supports("fma") != 0;
  return has;
#else
  return false;
#endif
}

// The numbers that a row loop takes at once. Sums of either have an order of their own.
enum class Width { kEight, kSixteen };

inline Width widest() {
  return has_avx512() ? Width::kSixteen : Width::kEight;
}

}  // namespace temper
