// The runs of a sweep: every combination of the values that keys are given.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "config/run_config.h"

namespace temper {

// "learning_rate=1e-4,3e-4". The key "replay" is the share of an epoch's rows that come from the
// replay dataset.
struct SweptKey {
  std::string key;
  std::vector<std::string> values;

  static SweptKey from_text(const std::string& text);  // UserError for anything else
};

struct SweptRun {
  std::string name;  // "learning_rate-1e-4_replay-0.05", a folder's name
  std::vector<ConfigOverride> overrides;
};

// The last key's values change first. `config` is the run.yaml with nothing overridden; `replay`
// the replay dataset, empty when none is given. UserError: a key twice, a replay that is no share
// in [0, 1), or a replay without its dataset.
std::vector<SweptRun> sweep_grid(const std::vector<SweptKey>& keys, const RunConfig& config,
                                 const std::filesystem::path& replay);

}  // namespace temper
