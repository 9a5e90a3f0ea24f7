#include "eval/forgetting_verdict.h"

#include <cmath>
#include <string>

#include "common/error.h"
#include "io/json_number.h"
#include "run/held_out_history.h"
#include "run/recommendation.h"

namespace temper {
namespace {

HeldOutHistory history_of(const FineTunedModel& tuned) {
  const auto run = run_of(tuned);
  return run ? HeldOutHistory(read_metrics(run->metrics_path())) : HeldOutHistory();
}

// What to do instead, as a sentence without its full stop.
std::string advice(const FineTunedModel& tuned) {
  std::string text;
  if (const auto run = run_of(tuned)) {
    const Recommendation found = recommend_checkpoint(*run);
    text = found.action == Recommendation::Action::kUse
               ? fmt::format("Export {}, the best within the budget", found.path.string())
               : found.sentence();
    text += "; or ";
  }
  text += tuned.lora() ? "ship a share of the adapter with --lora-scale auto; or " : "";
  text += "export it all the same with --allow-forgetting";
  return text;
}

}  // namespace

Json ForgettingVerdict::to_json() const {
  return {{"rise", finite_or_null(rise)}, {"max_forgetting", max_forgetting}};
}

ForgettingVerdict forgetting_of(const FineTunedModel& tuned) {
  return {history_of(tuned).forgetting_at(tuned.record().step), tuned.run_config().max_forgetting};
}

void refuse_over_budget(const FineTunedModel& tuned, const ForgettingVerdict& verdict) {
  if (verdict.is_within_budget()) return;
  const std::string what =
      std::isnan(verdict.rise)
          ? fmt::format(
                "the general loss was not measured at step {}, and max_forgetting is "
                "{:.1f} %",
                tuned.record().step, 100.0 * verdict.max_forgetting)
          : fmt::format("the general loss is {:.1f} % above the base's; max_forgetting is {:.1f} %",
                        100.0 * verdict.rise, 100.0 * verdict.max_forgetting);
  throw UserError("{}: {}. {}", tuned.directory().string(), what, advice(tuned));
}

}  // namespace temper
