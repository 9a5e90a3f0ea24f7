// A job of temper-rank from start to exit code.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "launcher/ranks/rank_launch.h"
#include "launcher/start/next_action.h"

namespace temper {

struct RankJob {
  std::vector<std::string> arguments;  // of temper-rank
  int num_ranks = 0;                   // 0: by the allocation, or 1
  LauncherChoice launcher = LauncherChoice::kAuto;
  std::string hostfile;     // of mpirun's; empty: none
  std::string container;    // Apptainer image that the ranks run in; empty: none
  bool needs_gpus = false;  // in it
  // Of a training run: where it reports its state. It stops by itself, with a checkpoint.
  std::optional<std::filesystem::path> run_directory;
};

// Starts the ranks, supervises them and returns how they ended, with the exit code of
// common/error.h. A run whose ranks ended without a word is marked as failed.
RanksEnd run_ranks(const RankJob& job);

}  // namespace temper
