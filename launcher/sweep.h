// The runs of a sweep: one for each combination of the values in run.yaml's `sweep`.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "config/run_config.h"

namespace temper {

struct SweepRun {
  std::string name;  // "learning_rate=0.0001,lora_r=8": its directory below output_dir
  // What makes it of the whole: its values, its output_dir, and no sweep.
  std::vector<ConfigOverride> overrides;
};

// In the order of an array job's tasks: the last key varies fastest. Empty without a sweep.
std::vector<SweepRun> sweep_runs(const RunConfig& config);

// UserError when there is no such run.
SweepRun sweep_run(const RunConfig& config, int64_t index);

}  // namespace temper
