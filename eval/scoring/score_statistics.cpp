#include "eval/scoring/score_statistics.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "common/error.h"
#include "common/philox.h"

namespace temper {
namespace {

constexpr double kZ = 1.959963984540054;  // 97.5 % of the normal distribution
constexpr uint64_t kSeed = 1, kBootstrapStream = 0x626f6f74;

double mean_of(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

std::vector<double> resampled_means(std::span<const double> values) {
  const Philox random(kSeed, kBootstrapStream);
  const auto n = static_cast<uint64_t>(values.size());
  std::vector<double> means;
  uint64_t drawn = 0;
  for (int64_t r = 0; r < kNumResamples; ++r) {
    double sum = 0.0;
    for (uint64_t i = 0; i < n; ++i) {
      sum += values[static_cast<size_t>(random.below(drawn++, n))];
    }
    means.push_back(sum / static_cast<double>(n));
  }
  std::sort(means.begin(), means.end());
  return means;
}

Interval middle_95(const std::vector<double>& sorted) {
  const auto at = [&](double share) {
    return sorted[static_cast<size_t>(share * static_cast<double>(sorted.size() - 1))];
  };
  return {at(0.025), at(0.975)};
}

}  // namespace

Interval wilson_interval(int64_t num_hits, int64_t num_trials) {
  if (num_trials == 0) return {0.0, 1.0};
  const auto n = static_cast<double>(num_trials);
  const double share = static_cast<double>(num_hits) / n, z2 = kZ * kZ;
  const double middle = (share + z2 / (2.0 * n)) / (1.0 + z2 / n);
  const double half =
      kZ / (1.0 + z2 / n) * std::sqrt(share * (1.0 - share) / n + z2 / (4.0 * n * n));
  return {std::max(0.0, middle - half), std::min(1.0, middle + half)};
}

Interval bootstrap_interval(std::span<const double> values) {
  TEMPER_CHECK(!values.empty());
  return middle_95(resampled_means(values));
}

PairedComparison paired_bootstrap(std::span<const double> a, std::span<const double> b) {
  TEMPER_CHECK(!a.empty() && a.size() == b.size(), "{} and {} scores", a.size(), b.size());
  std::vector<double> differences;
  for (size_t i = 0; i < a.size(); ++i) differences.push_back(a[i] - b[i]);
  const std::vector<double> means = resampled_means(differences);
  PairedComparison comparison;
  comparison.difference = mean_of(differences);
  comparison.interval = middle_95(means);
  const auto above = std::upper_bound(means.begin(), means.end(), 0.0);
  comparison.p_not_better =
      static_cast<double>(above - means.begin()) / static_cast<double>(means.size());
  return comparison;
}

}  // namespace temper
