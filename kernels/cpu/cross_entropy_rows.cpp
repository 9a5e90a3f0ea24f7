#include "kernels/cpu/cross_entropy_rows.h"

#include <cmath>
#include <limits>

#include "kernels/cpu/float8.h"

namespace temper {
namespace {

TEMPER_INLINE float max_row(const float* x, int64_t n) {
  constexpr float kMinusInfinity = -std::numeric_limits<float>::infinity();
  Float8 even = broadcast8(kMinusInfinity), odd = even;
  int64_t i = 0;
  for (; i + 16 <= n; i += 16) {
    even = max8(load8(x + i), even);
    odd = max8(load8(x + i + 8), odd);
  }
  for (; i < n; i += 8) {
    even = max8(i + 8 <= n ? load8(x + i) : load_part8(x + i, n - i, kMinusInfinity), even);
  }
  return max_lanes(max8(odd, even));
}

// The sum of exp(x - max). With kKeeps these replace x.
template <bool kKeeps, typename Float>
TEMPER_INLINE double sum_of_exponentials(Float* x, int64_t n, float max) {
  const Float8 shift = broadcast8(max);
  // Partial sums of 512 terms in fp32, their total in fp64.
  constexpr int64_t kPart = 512;
  double total = 0.0;
  for (int64_t part = 0; part < n; part += kPart) {
    const int64_t end = part + kPart < n ? part + kPart : n;
    Float8 sum = {};
    int64_t i = part;
    for (; i + 8 <= end; i += 8) {
      const Float8 e = exp8(load8(x + i) - shift);
      if constexpr (kKeeps) store8(x + i, e);
      sum += e;
    }
    total += static_cast<double>(sum_lanes(sum));
    if (i < end) {
      const Float8 e = exp8(load_part8(x + i, end - i, max) - shift);
      if constexpr (kKeeps) store_part8(x + i, e, end - i);
      for (int64_t lane = 0; lane < end - i; ++lane) total += static_cast<double>(e[lane]);
    }
  }
  return total;
}

}  // namespace

TEMPER_MULTIVERSION double logsumexp_row(const float* logits, int64_t n) {
  const float max = max_row(logits, n);
  return static_cast<double>(max) + std::log(sum_of_exponentials<false>(logits, n, max));
}

TEMPER_MULTIVERSION double cross_entropy_backward_row(float* logits, int64_t n, int64_t target) {
  const float max = max_row(logits, n);
  const double total = sum_of_exponentials<true>(logits, n, max);
  const auto factor = static_cast<float>(1.0 / total);
  for (int64_t i = 0; i < n; ++i) logits[i] *= factor;
  logits[target] -= 1.0f;
  return static_cast<double>(max) + std::log(total);
}

}  // namespace temper
