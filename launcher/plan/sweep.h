// The runs of a sweep: one for each combination of the values that keys are given, in run.yaml's
// `sweep` or with --over.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "config/run_config.h"

namespace temper {

// "learning_rate=1e-4,3e-4", one text a key. UserError for anything else, and for a key twice.
std::vector<SweepKey> parse_sweep_keys(const std::vector<std::string>& texts);

struct SweepRun {
  std::string name;  // "learning_rate=0.0001,lora_r=8": its directory below the sweep's
  // What makes it of the whole: its values, its output_dir, and no sweep.
  std::vector<ConfigOverride> overrides;
};

// In the order of an array job's tasks: the last key varies fastest. Empty without keys.
std::vector<SweepRun> sweep_runs(const std::vector<SweepKey>& keys,
                                 const std::filesystem::path& directory);

// Of run.yaml's sweep; UserError when there is no such run.
SweepRun sweep_run(const RunConfig& config, int64_t index);

}  // namespace temper
