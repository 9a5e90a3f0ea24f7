#include "run/held_out_history.h"

#include <algorithm>
#include <cmath>

namespace temper {

HeldOutHistory::HeldOutHistory(const MetricsLog& log)
    : HeldOutHistory(log, log.test_losses.last_data, log.general_losses.last_data) {}

HeldOutHistory::HeldOutHistory(const MetricsLog& log, const std::string& test_data,
                               const std::string& general_data)
    : test_(log.test_losses.over(test_data)), general_(log.general_losses.over(general_data)) {}

void HeldOutHistory::add_test(int64_t step, double loss) {
  if (!std::isnan(loss)) test_[step] = loss;
}

void HeldOutHistory::add_general(int64_t step, double loss) {
  if (!std::isnan(loss)) general_[step] = loss;
}

double HeldOutHistory::forgetting_at(int64_t step) const {
  const auto base = general_.find(0), now = general_.find(step);
  if (base == general_.end() || now == general_.end()) return kNoNumber;
  return now->second / base->second - 1.0;
}

int64_t HeldOutHistory::best_step(double max_forgetting) const {
  const std::vector<int64_t> steps = steps_best_first(max_forgetting);
  return steps.empty() ? -1 : steps.front();
}

std::vector<int64_t> HeldOutHistory::steps_best_first(double max_forgetting) const {
  const bool by_test = !test_.empty();
  const bool has_budget = max_forgetting > 0.0;
  if (!by_test && !has_budget) return {};
  std::vector<int64_t> steps;
  for (const auto& [step, loss] : by_test ? test_ : general_) {
    if (!has_budget || forgetting_at(step) <= max_forgetting) steps.push_back(step);
  }
  if (!by_test) {
    std::reverse(steps.begin(), steps.end());
    return steps;
  }
  std::stable_sort(steps.begin(), steps.end(),
                   [&](int64_t a, int64_t b) { return test_.at(a) < test_.at(b); });
  return steps;
}

}  // namespace temper
