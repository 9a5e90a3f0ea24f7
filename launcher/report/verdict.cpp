#include "launcher/report/verdict.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "launcher/report/figure_values.h"
#include "launcher/report/html_text.h"

namespace temper {
namespace {

// Later evaluations this much above the best are called overfitting.
constexpr double kOverfittingRise = 0.01;
// What counts as forgetting worth a warning where no budget is set.
constexpr double kNotableRise = 0.05;

enum class Level { kGood, kOpen, kWarning, kBad };

const char* level_name(Level level) {
  switch (level) {
    case Level::kGood:
      return "good";
    case Level::kOpen:
      return "open";
    case Level::kWarning:
      return "warning";
    case Level::kBad:
      break;
  }
  return "bad";
}

class VerdictWriter {
 public:
  explicit VerdictWriter(const RunFacts& facts) : facts_(facts), found_(facts.recommendation) {}

  OrderedJson write(const OrderedJson& forgetting, const OrderedJson& evaluation,
                    const std::vector<std::string>& overlaps) {
    judge_state();
    judge_learning();
    judge_forgetting();
    judge_lora_scale(forgetting["lora_scale"]);
    judge_runs(forgetting["runs"]);
    judge_overfitting();
    if (is_of_other_step(evaluation)) {
      note(Level::kOpen,
           fmt::format("temper eval has measured step {}, which is not the run's best checkpoint: "
                       "its figures are of another model.",
                       evaluation["step"].get<int64_t>()));
    } else {
      judge_answers(evaluation);
    }
    judge_memorisation(evaluation);
    for (const std::string& overlap : overlaps) add(Level::kWarning, overlap + ".");
    for (const std::string& gap : facts_.gaps) add(Level::kOpen, "Gap: " + gap + ".");
    const bool are_several = forgetting["runs"].size() > 1;
    OrderedJson verdict = {{"level", level_name(worst_)}, {"headline", headline(are_several)}};
    verdict["checkpoint"] = found_.is_to_use() ? OrderedJson(found_.path.string()) : OrderedJson();
    verdict["recommendation"] = found_.to_json();
    verdict["points"] = points_;
    return verdict;
  }

 private:
  void add(Level level, const std::string& text) {
    worst_ = std::max(worst_, level);
    note(level, text);
  }
  // What has no part in the verdict as a whole.
  void note(Level level, const std::string& text) {
    points_.push_back({{"level", level_name(level)}, {"text", text}});
  }

  bool is_of_other_step(const OrderedJson& evaluation) const {
    const auto step = evaluation.find("step");
    return step != evaluation.end() && step->is_number_integer() && *step != found_.step;
  }

  int64_t step_used() const {
    if (found_.step >= 0) return found_.step;
    const auto& any =
        facts_.history.test().empty() ? facts_.history.general() : facts_.history.test();
    return any.empty() ? -1 : any.rbegin()->first;
  }

  void judge_state() {
    if (!facts_.status) {
      add(Level::kOpen, "How the run ended is not known: there is no readable status.json.");
      return;
    }
    const RunStatus& status = facts_.status->status;
    const std::string where = fmt::format("after step {} of {}", status.step, status.max_steps);
    if (facts_.status->has_died) {
      add(Level::kBad,
          "The run was killed " + where + "; the same command goes on from its newest checkpoint.");
    } else if (status.state == RunState::kFailed) {
      add(Level::kBad, "The run failed " + where + ": " + status.error);
    } else if (status.state == RunState::kStopped) {
      add(Level::kOpen, "The run was stopped " + where + " with a checkpoint.");
    } else if (status.state == RunState::kFinished) {
      const bool is_early = status.step < status.max_steps;
      add(Level::kGood,
          is_early ? "The run ended early, " + where + "." : "The run finished " + where + ".");
    } else {
      add(Level::kOpen, "The run is training, " + where + ".");
    }
  }

  void judge_learning() {
    const auto& test = facts_.history.test();
    const auto base = test.find(0), used = test.find(step_used());
    if (test.empty()) {
      add(Level::kOpen, "What was learned is not known: there are no test_datasets.");
    } else if (base == test.end() || used == test.end() || used == base) {
      add(Level::kOpen,
          "What was learned is not known yet: base and checkpoint were not both evaluated.");
    } else {
      learned_ = used->second / base->second - 1.0;
      const bool is_better = used->second < base->second;
      add(is_better ? Level::kGood : Level::kBad,
          fmt::format("{}: the test loss went from {:.4f} ({}) to {:.4f} at step {}, {}; "
                      "perplexity {} to {}.",
                      is_better ? "Learned" : "Nothing was learned that the test sets ask for",
                      base->second, start_name(), used->second, used->first, shown_change(learned_),
                      shown_number(std::exp(base->second)), shown_number(std::exp(used->second))));
    }
  }

  void judge_forgetting() {
    const double budget = facts_.max_forgetting();
    if (facts_.history.general().empty()) {
      add(Level::kWarning, "What was forgotten is not known: there are no general_datasets.");
      return;
    }
    forgotten_ = facts_.history.forgetting_at(step_used());
    const int64_t last = facts_.history.general().rbegin()->first;
    const double at_end = facts_.history.forgetting_at(last);
    if (std::isnan(at_end)) {
      add(Level::kOpen,
          "What was forgotten is not known yet: base and checkpoint were not both evaluated.");
      return;
    }
    const std::string text =
        fmt::format("Forgotten: the general loss is {} from the base's at step {}",
                    shown_change(forgotten_), step_used());
    if (budget > 0.0 && forgotten_ > budget) {
      add(Level::kBad,
          fmt::format("Forgotten: no checkpoint is within the budget of {}; at the end "
                      "the general loss is {} from the base's.",
                      shown_percent(budget), shown_change(at_end)));
    } else if (budget > 0.0 && std::isnan(forgotten_)) {
      add(Level::kOpen,
          fmt::format("What step {} has forgotten was not measured; the budget is {}, and at the "
                      "end the general loss is {} from the base's.",
                      step_used(), shown_percent(budget), shown_change(at_end)));
    } else if (budget > 0.0) {
      add(Level::kGood, fmt::format("{}, within the budget of {}.", text, shown_percent(budget)));
      if (at_end > budget) {
        add(Level::kWarning, fmt::format("The last evaluation (step {}, {}) is over the budget.",
                                         last, shown_change(at_end)));
      }
    } else {
      add(forgotten_ > kNotableRise ? Level::kWarning : Level::kGood,
          text + "; no budget was set (max_forgetting).");
    }
  }

  void judge_lora_scale(const OrderedJson& found) {
    if (!found.is_object()) return;
    const double scale = number_of(found, "scale");
    const std::string adapter = fmt::format("the adapter of step {}", found["step"].dump());
    if (scale <= 0.0) {
      add(Level::kBad,
          "No share of " + adapter + " is within the budget and better than the base.");
      return;
    }
    for (const OrderedJson& point : found["curve"]) {
      if (number_of(point, "scale") != scale) continue;
      add(Level::kGood,
          fmt::format(
              "Of {}, a share of {:.1f} is the best within the budget: test loss {}, general "
              "loss {} from the base's (temper export --lora-scale auto).",
              adapter, scale, loss_text(number_of(point, "test_loss")),
              shown_change(number_of(point, "rise"))));
    }
  }

  void judge_runs(const OrderedJson& runs) {
    if (runs.size() < 2) return;
    const double budget = facts_.max_forgetting();
    const OrderedJson* best = nullptr;
    for (const OrderedJson& run : runs) {
      const bool is_within = budget == 0.0 || number_of(run, "rise") <= budget;
      const double loss = number_of(run, "test_loss");
      const bool is_no_better = loss >= number_of(run, "base_test_loss");
      if (!is_within || is_no_better || !std::isfinite(loss)) continue;
      if (best == nullptr || loss < number_of(*best, "test_loss")) best = &run;
    }
    if (best == nullptr) {
      note(Level::kBad,
           fmt::format("None of the {} runs compared has a lower test loss than it started "
                       "from{}.",
                       runs.size(), budget > 0.0 ? " within the budget" : ""));
      return;
    }
    note(Level::kGood,
         fmt::format(
             "Of the {} runs compared, {} has the lowest test loss{}: {:.4f} at step {}, the "
             "general loss {} from the base's.",
             runs.size(), best->value("name", ""), budget > 0.0 ? " within the budget" : "",
             number_of(*best, "test_loss"), (*best)["step"].dump(),
             shown_change(number_of(*best, "rise"))));
  }

  void judge_overfitting() {
    const auto& test = facts_.history.test();
    if (test.size() < 2) return;
    const auto best = std::min_element(
        test.begin(), test.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
    const auto& [last_step, last] = *test.rbegin();
    if (last > best->second * (1.0 + kOverfittingRise)) {
      add(Level::kWarning, fmt::format("Overfitting: since step {} the test loss has risen by {}.",
                                       best->first, shown_change(last / best->second - 1.0)));
    }
    const double train = train_loss_before(last_step);
    if (std::isfinite(train)) {
      add(Level::kGood, fmt::format("The test loss at step {} is {:.4f}, the training loss {:.4f}: "
                                    "a gap of {:.4f}.",
                                    last_step, last, train, last - train));
    }
  }

  // Mean over the last tenth of the steps up to `step`, 100 at most.
  double train_loss_before(int64_t step) const {
    const int64_t width = std::clamp<int64_t>(step / 10, 1, 100);
    double sum = 0.0;
    int64_t count = 0;
    for (auto at = facts_.log.steps.upper_bound(step - width);
         at != facts_.log.steps.end() && at->first <= step; ++at) {
      if (!std::isfinite(at->second.loss)) continue;
      sum += at->second.loss;
      ++count;
    }
    return count > 0 ? sum / static_cast<double>(count) : kNoNumber;
  }

  void judge_answers(const OrderedJson& evaluation) {
    const OrderedJson comparison = evaluation.value("comparison", OrderedJson::array());
    for (const OrderedJson& entry : comparison) {
      const double low = entry.value("low", kNoNumber), high = entry.value("high", kNoNumber);
      const std::string text =
          fmt::format("{}: tuned minus base {:+.3f} (95 % interval {:+.3f} to {:+.3f}): {}.",
                      entry.value("name", ""), entry.value("difference", kNoNumber), low, high,
                      low > 0    ? "the tuned model is better"
                      : high < 0 ? "the base is better"
                                 : "no difference can be told");
      if (low > 0 || high < 0) {
        add(low > 0 ? Level::kGood : Level::kWarning, text);
      } else {
        note(Level::kOpen, text);
      }
    }
  }

  void judge_memorisation(const OrderedJson& evaluation) {
    const auto found = evaluation.find("memorisation");
    if (found == evaluation.end() || !found->is_object()) return;
    const Level level = found->value("memorises", false) ? Level::kBad : Level::kGood;
    if (is_of_other_step(evaluation)) {
      note(level,
           fmt::format("Step {}: {}", evaluation["step"].dump(), found->value("verdict", "")));
    } else {
      add(level, found->value("verdict", ""));
    }
  }

  // The base's, or the earlier adapter's.
  std::string start_name() const {
    return found_.terms.begins_with_adapter ? found_.start_name() : "base";
  }

  std::string headline(bool are_several) const {
    if (!found_.is_to_use()) {
      return (are_several ? facts_.name() + ": " : "") + found_.sentence();
    }
    std::string text = found_.sentence() + (are_several ? " of " + facts_.name() : "");
    const char* separator = ": ";
    if (std::isfinite(learned_)) {
      text += fmt::format("{}test loss {}", separator, shown_change(learned_));
      separator = ", ";
    }
    if (std::isfinite(forgotten_)) {
      text += fmt::format("{}general loss {}", separator, shown_change(forgotten_));
    }
    return text;
  }

  const RunFacts& facts_;
  const Recommendation& found_;
  Level worst_ = Level::kGood;
  double learned_ = kNoNumber, forgotten_ = kNoNumber;
  OrderedJson points_ = OrderedJson::array();
};

}  // namespace

OrderedJson make_verdict(const RunFacts& facts, const OrderedJson& forgetting,
                         const OrderedJson& evaluation, const std::vector<std::string>& overlaps) {
  return VerdictWriter(facts).write(forgetting, evaluation, overlaps);
}

}  // namespace temper
