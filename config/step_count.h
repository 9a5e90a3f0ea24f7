// How many optimizer steps a run makes, and whether checkpoints come between them.
#pragma once

#include <cstdint>

#include "config/run_config.h"

namespace temper {

// max_steps, or the steps that num_epochs make.
int64_t count_steps(const RunConfig& config, int64_t rows_per_epoch);

// Whether checkpoints may come between step `done` and the last of `max_steps` (0: not known).
bool saves_before_end(const RunConfig& config, int64_t done, int64_t max_steps);

}  // namespace temper
