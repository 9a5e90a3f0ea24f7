#include "trainer/anomaly_guard.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "common/error.h"
#include "io/json.h"

namespace temper {
namespace {

double median(const std::deque<double>& values) {
  std::vector<double> sorted(values.begin(), values.end());
  std::sort(sorted.begin(), sorted.end());
  const size_t middle = sorted.size() / 2;
  return sorted.size() % 2 == 1 ? sorted[middle] : 0.5 * (sorted[middle - 1] + sorted[middle]);
}

void remember(std::deque<double>& values, double value) {
  values.push_back(value);
  if (values.size() > AnomalyGuard::kHistory) values.pop_front();
}

}  // namespace

AnomalyGuard::AnomalyGuard(const RunConfig& config)
    : on_non_finite_(config.on_non_finite),
      on_spike_(config.on_spike),
      spike_factor_(config.spike_factor),
      spike_patience_(config.spike_patience),
      max_rollbacks_(config.max_rollbacks) {}

StepVerdict AnomalyGuard::judge(const StepNumbers& numbers) {
  if (!std::isfinite(numbers.loss) || !std::isfinite(numbers.grad_norm)) {
    const char* what = std::isfinite(numbers.loss) ? "gradient" : "loss";
    return act(on_non_finite_, fmt::format("the {} is not finite", what), numbers.rows);
  }
  const std::string spike = find_spike(numbers);
  if (spike.empty()) {
    remember(losses_, numbers.loss);
    remember(norms_, numbers.grad_norm);
    spike_begin_ = -1;
    spike_steps_ = skips_in_a_row_ = 0;
    return {};
  }
  if (spike_steps_++ == 0) spike_begin_ = numbers.rows.begin;
  if (spike_steps_ < spike_patience_) {
    return {StepVerdict::Action::kApply, spike, numbers.rows};
  }
  return act(on_spike_, spike, {spike_begin_, numbers.rows.end});
}

std::string AnomalyGuard::find_spike(const StepNumbers& numbers) const {
  if (spike_factor_ <= 0 || losses_.size() < kMinHistory) return "";
  const auto describe = [&](const char* what, double value, double usual) {
    return fmt::format("the {} is {:.4g}, {:.3g} times the median of the last {} steps", what,
                       value, value / usual, losses_.size());
  };
  const double loss = median(losses_), norm = median(norms_);
  if (numbers.loss > spike_factor_ * loss) return describe("loss", numbers.loss, loss);
  if (numbers.grad_norm > spike_factor_ * norm) {
    return describe("gradient norm", numbers.grad_norm, norm);
  }
  return "";
}

StepVerdict AnomalyGuard::act(BadStepPolicy policy, std::string problem, RowRange rows) {
  using Action = StepVerdict::Action;
  switch (policy) {
    case BadStepPolicy::kStop:
      break;
    case BadStepPolicy::kSkip:
      if (++skips_in_a_row_ <= kMaxSkipsInARow) return {Action::kSkip, std::move(problem), rows};
      problem += fmt::format(", as in the {} steps before, which were skipped", kMaxSkipsInARow);
      break;
    case BadStepPolicy::kRollback:
      if (num_rollbacks_ < max_rollbacks_) {
        ++num_rollbacks_;
        leave_out(rows);
        return {Action::kRollback, std::move(problem), rows};
      }
      problem += fmt::format(", and max_rollbacks ({}) is used up", max_rollbacks_);
      break;
  }
  return {Action::kStop, std::move(problem), rows};
}

int64_t AnomalyGuard::next_row(int64_t row) const {
  for (const RowRange& range : left_out_) {
    if (row >= range.begin && row < range.end) row = range.end;
  }
  return row;
}

void AnomalyGuard::leave_out(RowRange rows) {
  if (std::find(left_out_.begin(), left_out_.end(), rows) != left_out_.end()) return;
  left_out_.push_back(rows);
  std::sort(left_out_.begin(), left_out_.end(),
            [](const RowRange& a, const RowRange& b) { return a.begin < b.begin; });
}

void AnomalyGuard::write_to(CommitRecord& record) const {
  record.rows_left_out = left_out_;
  record.guard_state = Json{
      {"losses", losses_},
      {"grad_norms", norms_},
      {"spike_begin", spike_begin_},
      {"spike_steps", spike_steps_},
      {"skips_in_a_row", skips_in_a_row_},
      {"rollbacks",
       num_rollbacks_}}.dump();
}

void AnomalyGuard::go_back_to(const CommitRecord& record, const std::string& place) {
  for (const RowRange& rows : record.rows_left_out) leave_out(rows);
  const std::string& text = record.guard_state;
  const Json then = text.empty() ? Json::object() : parse_json(text, place);
  try {
    losses_ = then.value("losses", std::deque<double>());
    norms_ = then.value("grad_norms", std::deque<double>());
    spike_begin_ = then.value("spike_begin", int64_t{-1});
    spike_steps_ = then.value("spike_steps", int64_t{0});
    skips_in_a_row_ = then.value("skips_in_a_row", int64_t{0});
    num_rollbacks_ = std::max(num_rollbacks_, then.value("rollbacks", int64_t{0}));
  } catch (const Json::exception& error) {
    throw UserError("{}: \"step_guard\" can't be read: {}", place, error.what());
  }
}

}  // namespace temper
