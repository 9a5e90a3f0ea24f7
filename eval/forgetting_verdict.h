// Decides whether what a run forgot allows a checkpoint of it to be shipped.
#pragma once

#include "checkpoint/fine_tuned_model.h"
#include "io/json.h"

namespace temper {

// A model's general loss against its base's.
struct ForgettingVerdict {
  double rise = 0.0;  // relative; NaN: not measured
  double max_forgetting = 0.0;

  bool is_within_budget() const { return rise <= max_forgetting; }
  Json to_json() const;  // {rise, max_forgetting}
};

// Judges by what the run's metrics say of the checkpoint's step. The run's configuration has a
// budget.
ForgettingVerdict forgetting_of(const FineTunedModel& tuned);

// UserError that says by how much the budget is exceeded, and which checkpoint to take instead.
void refuse_over_budget(const FineTunedModel& tuned, const ForgettingVerdict& verdict);

}  // namespace temper
