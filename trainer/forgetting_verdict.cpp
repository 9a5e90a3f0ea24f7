#include "trainer/forgetting_verdict.h"

#include <cmath>
#include <string>

#include "common/error.h"
#include "run/held_out_history.h"

namespace temper {
namespace {

HeldOutHistory history_of(const TunedModel& tuned) {
  const auto run = run_of(tuned);
  return run ? HeldOutHistory(read_metrics(run->metrics_path())) : HeldOutHistory();
}

// What to do instead, as the end of a sentence.
std::string advice(const TunedModel& tuned) {
  const auto run = run_of(tuned);
  std::string text;
  for (const int64_t step : history_of(tuned).steps_best_first(tuned.run_config().max_forgetting)) {
    if (!inspect_checkpoint(run->checkpoint_path(step)).complete) continue;
    text =
        fmt::format("export {}, the best within the budget", run->checkpoint_path(step).string());
    break;
  }
  if (text.empty()) text = "no checkpoint is within the budget";
  if (tuned.lora()) text += "; or ship a share of the adapter with --lora-scale auto";
  return text + "; or export it all the same with --allow-forgetting";
}

}  // namespace

Json ForgettingVerdict::to_json() const {
  return {{"rise", std::isnan(rise) ? Json() : Json(rise)}, {"max_forgetting", max_forgetting}};
}

ForgettingVerdict forgetting_of(const TunedModel& tuned) {
  return {history_of(tuned).forgetting_at(tuned.record().step), tuned.run_config().max_forgetting};
}

void refuse_over_budget(const TunedModel& tuned, const ForgettingVerdict& verdict) {
  if (verdict.is_within_budget()) return;
  const std::string what =
      std::isnan(verdict.rise)
          ? fmt::format(
                "the general loss was not measured at step {}, and max_forgetting is "
                "{:.1f} %",
                tuned.record().step, 100.0 * verdict.max_forgetting)
          : fmt::format("the general loss is {:.1f} % above the base's; max_forgetting is {:.1f} %",
                        100.0 * verdict.rise, 100.0 * verdict.max_forgetting);
  throw UserError("{}: {}: {}", tuned.directory().string(), what, advice(tuned));
}

}  // namespace temper
