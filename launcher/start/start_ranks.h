// Ranks of temper-rank from start to exit code: the only road to them. A command reads its options
// (start_options.h), lets plan_start say how many ranks there are and where, checks its run
// (check_run.h) and starts them here.
#pragma once

#include <filesystem>
#include <optional>

#include "launcher/ranks/rank_launch.h"
#include "launcher/start/next_action.h"

namespace temper {

struct RankJob {
  RankLaunch launch;
  // Where a training run reports its state; it stops by itself, with a checkpoint.
  std::optional<std::filesystem::path> run_directory = {};
};

// Starts the ranks, supervises them and returns how they ended, with the exit code of
// common/error.h. A run whose ranks ended without a word is marked as failed.
RanksEnd run_ranks(const RankJob& job);

}  // namespace temper
