// // Measures how sure a score is: intervals over the questions, and whether one model beats
// another on the same.
#pragma once

#include <cstdint>
#include <span>

namespace temper {

struct Interval {
  double low = 0.0, high = 0.0;
};

// The 95 % interval of a share of `num_hits` in `num_trials` (Wilson's score interval); [0, 1]
// without trials.
Interval wilson_interval(int64_t num_hits, int64_t num_trials);

// Resamples the questions with replacement; the same numbers for the same values anywhere.
inline constexpr int64_t kNumResamples = 2000;

// The 95 % interval of the mean of `values`: percentiles of the resampled means.
Interval bootstrap_interval(std::span<const double> values);

struct PairedComparison {
  double difference = 0.0;  // mean of a - b
  Interval interval;        // 95 %
  // Share of the resamples in which a is not better: small when a beats b.
  double p_not_better = 1.0;
};
// a[i] and b[i] are scores of the same question; not empty.
PairedComparison paired_bootstrap(std::span<const double> a, std::span<const double> b);

}  // namespace temper
