#include "eval/sampling.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <vector>

#include "common/error.h"
#include "common/philox.h"

namespace temper {
namespace {

// Keeps generation apart from whatever else uses the same seed.
constexpr uint64_t kSamplingStream = 0x73616d706c65;

// It adds in lanes that do not wait for each other: vocabularies are large, and this is between all
// steps.
int64_t likeliest(std::span<const float> logits) {
  std::array<float, 16> largest;
  largest.fill(logits.front());
  size_t i = 0;
  for (; i + largest.size() <= logits.size(); i += largest.size()) {
    for (size_t lane = 0; lane < largest.size(); ++lane) {
      largest[lane] = logits[i + lane] > largest[lane] ? logits[i + lane] : largest[lane];
    }
  }
  float top = *std::max_element(largest.begin(), largest.end());
  for (; i < logits.size(); ++i) top = std::max(top, logits[i]);
  const auto first = std::find(logits.begin(), logits.end(), top);
  return first == logits.end() ? 0 : first - logits.begin();  // NaN equals nothing
}

// The ids that may be chosen, the likeliest first.
std::vector<int64_t> ranked_ids(std::span<const float> logits, int64_t top_k) {
  std::vector<int64_t> ids(logits.size());
  std::iota(ids.begin(), ids.end(), int64_t{0});
  const auto is_likelier = [&](int64_t a, int64_t b) {
    const float logit_a = logits[static_cast<size_t>(a)], logit_b = logits[static_cast<size_t>(b)];
    return logit_a != logit_b ? logit_a > logit_b : a < b;
  };
  if (top_k > 0 && top_k < static_cast<int64_t>(ids.size())) {
    std::partial_sort(ids.begin(), ids.begin() + top_k, ids.end(), is_likelier);
    ids.resize(static_cast<size_t>(top_k));
  } else {
    std::sort(ids.begin(), ids.end(), is_likelier);
  }
  return ids;
}

}  // namespace

void check_sampling_options(const SamplingOptions& options) {
  if (!(options.temperature >= 0.0) || !std::isfinite(options.temperature)) {
    throw UserError("--temperature {}: expected 0 (greedy) or more", options.temperature);
  }
  if (options.top_k < 0) throw UserError("--top-k {}: expected 0 (all) or more", options.top_k);
  if (!(options.top_p > 0.0 && options.top_p <= 1.0)) {
    throw UserError("--top-p {}: expected more than 0 and at most 1", options.top_p);
  }
}

int64_t choose_token(std::span<const float> logits, const SamplingOptions& options,
                     uint64_t index) {
  TEMPER_CHECK(!logits.empty());
  if (std::any_of(logits.begin(), logits.end(), [](float logit) { return std::isnan(logit); })) {
    throw SystemError("the model's logits are not numbers: its weights are damaged or diverged");
  }
  if (options.temperature == 0.0) return likeliest(logits);

  const std::vector<int64_t> ids = ranked_ids(logits, options.top_k);
  const double highest = logits[static_cast<size_t>(ids.front())];
  std::vector<double> weights;
  double total = 0.0;
  for (const int64_t id : ids) {
    weights.push_back(std::exp((logits[static_cast<size_t>(id)] - highest) / options.temperature));
    total += weights.back();
  }
  double kept = 0.0;
  size_t num_kept = 0;
  while (num_kept < weights.size() && (num_kept == 0 || kept < options.top_p * total)) {
    kept += weights[num_kept++];
  }
  double rest = kept * Philox(options.seed, kSamplingStream).uniform(index);
  for (size_t i = 0; i < num_kept; ++i) {
    rest -= weights[i];
    if (rest < 0.0) return ids[i];
  }
  return ids[num_kept - 1];
}

}  // namespace temper
