#include "kernels/cpu/cross_entropy_rows.h"

#include <algorithm>
#include <cmath>

#include "kernels/cpu/lanes.h"

namespace temper {
namespace {

// The sum of exp(x - max). With kKeeps these replace x.
template <typename Lanes, bool kKeeps, typename Float>
TEMPER_INLINE double sum_of_exponentials(Float* x, int64_t n, float max) {
  using Vector = typename Lanes::Float;
  // Partial sums of 512 terms in fp32, their total in fp64.
  constexpr int64_t kPart = 512;
  double total = 0.0;
  for (int64_t part = 0; part < n; part += kPart) {
    const int64_t end = std::min(part + kPart, n);
    Vector sum = {};
    int64_t i = part;
    for (; i + Lanes::kLanes <= end; i += Lanes::kLanes) {
      const Vector e = exp_of<Vector, typename Lanes::Int>(Lanes::load(x + i) - max);
      if constexpr (kKeeps) Lanes::store(x + i, e);
      sum += e;
    }
    if (i < end) {
      const Vector rest = Lanes::load_part(x + i, end - i, max);
      const Vector e = exp_of<Vector, typename Lanes::Int>(rest - max);
      if constexpr (kKeeps) Lanes::store_part(x + i, e, end - i);
      sum += Lanes::first(e, end - i);
    }
    total += static_cast<double>(Lanes::sum(sum));
  }
  return total;
}

template <typename Lanes>
TEMPER_INLINE double logsumexp(const float* logits, int64_t n) {
  const float max = max_of<Lanes>(logits, n);
  return static_cast<double>(max) + std::log(sum_of_exponentials<Lanes, false>(logits, n, max));
}

template <typename Lanes>
TEMPER_INLINE double backward(float* logits, int64_t n, int64_t target) {
  const float max = max_of<Lanes>(logits, n);
  const double total = sum_of_exponentials<Lanes, true>(logits, n, max);
  const auto factor = static_cast<float>(1.0 / total);
  for (int64_t i = 0; i < n; ++i) logits[i] *= factor;
  logits[target] -= 1.0f;
  return static_cast<double>(max) + std::log(total);
}

TEMPER_MULTIVERSION double logsumexp_8(const float* logits, int64_t n) {
  return logsumexp<Eight>(logits, n);
}

TEMPER_MULTIVERSION double backward_8(float* logits, int64_t n, int64_t target) {
  return backward<Eight>(logits, n, target);
}

#ifdef TEMPER_TARGET_AVX512

TEMPER_TARGET_AVX512 double logsumexp_16(const float* logits, int64_t n) {
  return logsumexp<Sixteen>(logits, n);
}

TEMPER_TARGET_AVX512 double backward_16(float* logits, int64_t n, int64_t target) {
  return backward<Sixteen>(logits, n, target);
}

#endif

}  // namespace

double logsumexp_row(const float* logits, int64_t n, [[maybe_unused]] Width width) {
#ifdef TEMPER_TARGET_AVX512
  if (width == Width::kSixteen) return logsumexp_16(logits, n);
#endif
  return logsumexp_8(logits, n);
}

double cross_entropy_backward_row(float* logits, int64_t n, int64_t target,
                                  [[maybe_unused]] Width width) {
#ifdef TEMPER_TARGET_AVX512
  if (width == Width::kSixteen) return backward_16(logits, n, target);
#endif
  return backward_8(logits, n, target);
}

}  // namespace temper
