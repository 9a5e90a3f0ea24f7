#include "run/recommendation.h"

#include <algorithm>
#include <cmath>

#include "common/error.h"
#include "config/recorded_config.h"
#include "io/json_number.h"
#include "run/checkpoint/checkpoint_name.h"

namespace temper {
namespace {

double loss_at(const std::map<int64_t, double>& losses, int64_t step) {
  const auto found = losses.find(step);
  return found == losses.end() ? kNoNumber : found->second;
}

const char* action_name(Recommendation::Action action) {
  switch (action) {
    case Recommendation::Action::kUse:
      return "use";
    case Recommendation::Action::kKeep:
      return "keep";
    case Recommendation::Action::kUnknown:
      return "unknown";
    case Recommendation::Action::kNothing:
      break;
  }
  return "none";
}

OrderedJson step_or_null(int64_t step) {
  return step < 0 ? OrderedJson() : OrderedJson(step);
}

// The first of these steps that has a complete checkpoint.
const CheckpointStatus* first_complete(const std::vector<int64_t>& steps,
                                       const std::vector<CheckpointStatus>& checkpoints) {
  for (const int64_t step : steps) {
    for (const CheckpointStatus& checkpoint : checkpoints) {
      if (checkpoint.complete && checkpoint.step == step) return &checkpoint;
    }
  }
  return nullptr;
}

bool is_any_measured(const HeldOutHistory& history,
                     const std::vector<CheckpointStatus>& checkpoints) {
  return std::any_of(checkpoints.begin(), checkpoints.end(), [&](const CheckpointStatus& status) {
    return status.complete && !std::isnan(history.forgetting_at(status.step));
  });
}

// Finds a step with a better test loss than the one that was taken.
int64_t find_missing(const HeldOutHistory& history, const std::vector<int64_t>& best_first,
                     int64_t taken) {
  if (history.test().empty()) return -1;
  const double loss = loss_at(history.test(), taken);
  for (const int64_t step : best_first) {
    if (step == taken) break;
    if (step > 0 && history.test().at(step) < loss) return step;
  }
  return -1;
}

}  // namespace

std::string Recommendation::start_name() const {
  return terms.begins_with_adapter ? "the earlier adapter" : "the base";
}

std::string Recommendation::no_improvement() const {
  const bool is_within = terms.max_forgetting > 0.0 && !is_over_budget;
  return fmt::format(
      "Keep {}: no checkpoint {}has a lower test loss ({:.4f} at step 0, best {:.4f} at step {})",
      start_name(), is_within ? "within the forgetting budget " : "", start_test_loss, test_loss,
      step);
}

std::string Recommendation::sentence() const {
  if (action == Action::kNothing) return "There is no complete checkpoint yet";
  if (action == Action::kKeep && is_over_budget) {
    return fmt::format("Keep {}: no checkpoint is within the forgetting budget of {:.1f} %",
                       start_name(), 100.0 * terms.max_forgetting);
  }
  if (action == Action::kKeep) return no_improvement();
  if (is_to_use()) return "Use " + checkpoint_name(step);
  return fmt::format(
      "Whether to use {} is not known: no checkpoint was measured against the forgetting budget",
      checkpoint_name(step));
}

std::string Recommendation::description() const {
  std::string text = checkpoint_name(step);
  if (action == Action::kUnknown) {
    return text + ", the newest one (metrics.jsonl says nothing by which to recommend one)";
  }
  if (action == Action::kKeep) {
    text += std::isnan(test_loss) ? ", the newest one" : ", the best one";
  } else {
    text += fmt::format(", the recommended one ({}{}{})",
                        std::isnan(test_loss) ? "the newest" : "lowest test loss",
                        terms.max_forgetting > 0.0 ? " within the forgetting budget" : "",
                        !std::isnan(test_loss) && std::isnan(start_test_loss)
                            ? fmt::format("; that of {} is not known", start_name())
                            : "");
  }
  if (missing_step >= 0) {
    text +=
        fmt::format("; step {} has a lower test loss, but no complete checkpoint", missing_step);
  }
  if (newest_step != step) text += "; newest is " + checkpoint_name(newest_step);
  if (action == Action::kKeep) text += ". " + sentence();
  return text;
}

OrderedJson Recommendation::to_json() const {
  OrderedJson json = {{"action", action_name(action)}, {"step", step_or_null(step)}};
  json["path"] = step < 0 ? OrderedJson() : OrderedJson(path.string());
  json["newest_step"] = step_or_null(newest_step);
  json["test_loss"] = finite_or_null(test_loss);
  json["start_test_loss"] = finite_or_null(start_test_loss);
  json["text"] = action == Action::kNothing ? sentence() : description();
  return json;
}

Recommendation recommend_checkpoint(const HeldOutHistory& history, const ChoiceTerms& terms,
                                    const std::vector<CheckpointStatus>& checkpoints) {
  Recommendation found;
  found.terms = terms;
  found.start_test_loss = loss_at(history.test(), 0);
  const auto newest = std::find_if(checkpoints.begin(), checkpoints.end(),
                                   [](const CheckpointStatus& status) { return status.complete; });
  if (newest == checkpoints.end()) return found;
  found.newest_step = newest->step;

  const std::vector<int64_t> best_first = history.steps_best_first(terms.max_forgetting);
  const CheckpointStatus* chosen = first_complete(best_first, checkpoints);
  if (chosen != nullptr) {
    found.missing_step = find_missing(history, best_first, chosen->step);
    found.action = Recommendation::Action::kUse;
  } else if (terms.max_forgetting > 0.0 && is_any_measured(history, checkpoints)) {
    // None is within the budget: of those over it, the best.
    chosen = first_complete(history.steps_best_first(0.0), checkpoints);
    found.is_over_budget = true;
    found.action = Recommendation::Action::kKeep;
  } else {
    found.action = Recommendation::Action::kUnknown;
  }
  if (chosen == nullptr) chosen = &*newest;
  found.step = chosen->step;
  found.path = chosen->path;
  found.test_loss = loss_at(history.test(), chosen->step);
  if (found.action == Recommendation::Action::kUse && found.is_no_better_than_start()) {
    found.action = Recommendation::Action::kKeep;
  }
  return found;
}

Recommendation recommend_checkpoint(const RunDirectory& run) {
  const std::vector<CheckpointStatus> checkpoints = run.checkpoints();
  HeldOutHistory history;
  try {
    history = HeldOutHistory(read_metrics(run.metrics_path()));
  } catch (const Error&) {
    // Without it the newest is what there is; the recommendation says that nothing is known.
  }
  return recommend_checkpoint(history, read_choice_terms(run, checkpoints), checkpoints);
}

ChoiceTerms read_choice_terms(const RunDirectory& run,
                              const std::vector<CheckpointStatus>& checkpoints) {
  try {
    return ChoiceTerms(run.recorded_config());
  } catch (const Error&) {
    // A budget must not be lost with run.yaml: the checkpoints have the same text.
  }
  for (const CheckpointStatus& checkpoint : checkpoints) {
    if (!checkpoint.record) continue;
    try {
      return ChoiceTerms(
          read_recorded_config(checkpoint.record->config_yaml, checkpoint.path.string()));
    } catch (const Error&) {
      continue;  // an older one may be readable
    }
  }
  return {};
}

}  // namespace temper
