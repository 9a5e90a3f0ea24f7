// Collects what of a configuration must stay the same for a run to go on: everything that changes
// the mathematics, and nothing else.
#pragma once

#include <cstdint>
#include <string>

#include "config/run_config.h"

namespace temper {

// One "key: value" line for each such setting, resolved: two ways of saying the same are equal.
std::string training_identity(const RunConfig& config, int64_t rows_per_epoch);

}  // namespace temper
