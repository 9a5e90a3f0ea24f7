// What a command line says of starting ranks (common/cli/shared_options.h: start_options). What it
// leaves open the run's configuration, the hostfile and the allocation decide.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/cli/command_line.h"
#include "config/run_config.h"
#include "launcher/ranks/rank_launch.h"

namespace temper {

struct StartOptions {
  int num_ranks = 0;  // 0: not given
  std::optional<LauncherChoice> launcher;
  std::string hostfile;  // empty: none

  // How the ranks are started, but for their number, as a command line of `temper train`.
  std::vector<std::string> starter_arguments() const;
};

// UserError for a number of ranks below 1.
StartOptions read_start_options(const CommandLine& line);

// How the ranks would be started here: their number, the most of them on one node, the command.
// Every command that starts or plans ranks asks here. `slurm` is the run's section, or the default
// for ranks without a run.
RankLaunch plan_start(const StartOptions& options, const SlurmConfig& slurm,
                      const std::vector<std::string>& rank_command = {});

}  // namespace temper
