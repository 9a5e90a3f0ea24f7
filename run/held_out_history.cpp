#include "run/held_out_history.h"

#include <algorithm>
#include <cmath>

namespace temper {
namespace {

// Loss over all sets of that prefix together, at the steps that all of them have.
std::map<int64_t, double> joint_losses(const MetricsLog& log, const char* prefix) {
  struct Sum {
    double loss = 0.0;
    int64_t targets = 0, sets = 0;
  };
  std::map<int64_t, Sum> sums;
  int64_t num_sets = 0;
  for (const auto& [name, by_step] : log.evaluations) {
    if (!name.starts_with(prefix)) continue;
    ++num_sets;
    for (const auto& [step, evaluation] : by_step) {
      Sum& sum = sums[step];
      sum.loss += evaluation.loss_sum;
      sum.targets += evaluation.num_targets;
      ++sum.sets;
    }
  }
  std::map<int64_t, double> losses;
  for (const auto& [step, sum] : sums) {
    if (sum.sets == num_sets) losses[step] = sum.loss / static_cast<double>(sum.targets);
  }
  return losses;
}

}  // namespace

HeldOutHistory::HeldOutHistory(const MetricsLog& log) {
  for (const auto& [step, loss] : joint_losses(log, kTestPrefix)) add_test(step, loss);
  for (const auto& [step, loss] : joint_losses(log, kGeneralPrefix)) add_general(step, loss);
}

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
