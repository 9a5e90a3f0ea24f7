// How many optimizer steps a run makes, and what to change where that is too few.
#pragma once

#include <cstdint>
#include <string>

#include "config/run_config.h"

namespace temper {

// With fewer steps the learning rate's schedule and AdamW's averages make little sense.
inline constexpr int64_t kFewSteps = 20;

// max_steps, or the steps that num_epochs make.
int64_t count_steps(const RunConfig& config, int64_t rows_per_epoch);

// warmup_steps, or the share of `max_steps` that warmup_ratio is, rounded up.
int64_t count_warmup_steps(const RunConfig& config, int64_t max_steps);

// Empty, or for a run of fewer than kFewSteps one sentence with the settings that make as many.
// `num_ranks`: each needs a micro-batch of a step.
std::string few_steps_warning(const RunConfig& config, int64_t rows_per_epoch, int64_t num_ranks);

// Whether checkpoints may come between step `done` and the last of `max_steps` (0: not known).
bool saves_before_end(const RunConfig& config, int64_t done, int64_t max_steps);

}  // namespace temper
