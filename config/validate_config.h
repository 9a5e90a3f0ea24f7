// What makes a configuration a sound one, beyond each value's type.
#pragma once

#include <map>
#include <string>

#include "config/run_config.h"

namespace temper {

// Canonical key to the place of its value ("run.yaml:7"); keys that were not given are absent.
using KeyPlaces = std::map<std::string, std::string>;

// Fills in whichever of global_batch_size and gradient_accumulation_steps is missing, then checks
// ranges, combinations and that the files exist. UserError naming place, key, value and remedy.
void complete_and_validate(RunConfig& config, const KeyPlaces& places, const std::string& file);

// The checks of `slurm:` alone.
void validate_slurm(RunConfig& config, const KeyPlaces& places, const std::string& file);

}  // namespace temper
