// Replay: rows of a general dataset between a run's own, against forgetting.
#pragma once

#include <filesystem>
#include <string>

#include "config/run_config.h"

namespace temper {

// What `datasets` of run.yaml becomes when this share of an epoch's rows ("0.05") comes from the
// replay dataset. UserError for a share outside of [0, 1), and for a dataset that cannot be read.
std::string datasets_with_replay(const RunConfig& config, const std::filesystem::path& replay,
                                 const std::string& share);

}  // namespace temper
