// The ranks of a training run, checked and ready to start.
#pragma once

#include <string>
#include <vector>

#include "config/run_config.h"
#include "launcher/start/start_options.h"
#include "launcher/start/start_ranks.h"

namespace temper {

// `set` and `resume` are what --set and --resume said beside the file `run_yaml`; `config` is all
// of it together. UserError, before any rank starts, for whatever check_run finds.
RankJob training_job(const std::string& run_yaml, const std::vector<std::string>& set,
                     const std::string& resume, const RunConfig& config,
                     const StartOptions& options);

}  // namespace temper
