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

}  // namespace

TEMPER_MULTIVERSION double logsumexp_row(const float* logits, int64_t n) {
  const float max = max_row(logits, n);
  const Float8 shift = broadcast8(max);
  // Partial sums of 512 terms in fp32, their total in fp64.
  constexpr int64_t kPart = 512;
  double total = 0.0;
  for (int64_t part = 0; part < n; part += kPart) {
    const int64_t end = part + kPart < n ? part + kPart : n;
    Float8 sum = {};
    int64_t i = part;
    for (; i + 8 <= end; i += 8) sum += exp8(load8(logits + i) - shift);
    total += static_cast<double>(sum_lanes(sum));
    if (i < end) {
      const Float8 e = exp8(load_part8(logits + i, end - i, max) - shift);
      for (int64_t lane = 0; lane < end - i; ++lane) total += static_cast<double>(e[lane]);
    }
  }
  return static_cast<double>(max) + std::log(total);
}

TEMPER_MULTIVERSION void cross_entropy_gradient_row(float* logits, int64_t n, float logsumexp,
                                                    int64_t target) {
  const Float8 shift = broadcast8(logsumexp);
  int64_t i = 0;
  for (; i + 8 <= n; i += 8) store8(logits + i, exp8(load8(logits + i) - shift));
  if (i < n) store_part8(logits + i, exp8(load_part8(logits + i, n - i, 0.0f) - shift), n - i);
  logits[target] -= 1.0f;
}

}  // namespace temper
