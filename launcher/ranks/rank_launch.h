// How the ranks of a job are started here: alone, with mpirun or with srun.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "config/run_config.h"

namespace temper {

// What is around this process, as far as starting ranks depends on it.
struct LaunchEnvironment {
  bool in_slurm_allocation = false;
  int slurm_tasks = 0;  // SLURM_NTASKS; 0 when unknown
  int slurm_cpus_per_task = 0;
  std::string pmix_plugin;  // that srun offers; empty: srun can't start Open MPI's ranks
  // Of mpirun's daemons (launcher/ranks/mpirun_daemon.h); empty: mpirun's own.
  std::string launch_agent;
  bool is_root = false;
  // Of mpirun's, with the ranks that it has room for; empty: none.
  std::string hostfile;
  int hostfile_slots = 0;
  // Set when this process is itself one of several that mpirun or srun started: their name.
  std::string started_by;
};

// Asks srun for its plugins when inside an allocation.
LaunchEnvironment read_launch_environment();

LauncherChoice launcher_choice_named(const std::string& name);  // UserError for an unknown one

struct RankLaunch {
  enum class Kind { kAlone, kMpirun, kSrun };
  Kind kind = Kind::kAlone;
  int num_ranks = 1;
  std::vector<std::string> command;
  std::string reason;  // why this starter, inside an allocation; empty elsewhere
};

// `num_ranks` 0: as many as the hostfile has slots or the allocation has tasks, or 1. UserError
// when this process is a rank itself, or srun was chosen and can't be used.
RankLaunch plan_launch(const LaunchEnvironment& environment, LauncherChoice choice, int num_ranks,
                       const std::vector<std::string>& rank_command);

// This executable, wherever it lies now.
std::filesystem::path find_own_program();

// The program temper-rank: TEMPER_RANK, or the one beside this executable. SystemError without one.
std::filesystem::path find_rank_program();

// Replaces this process by temper-rank with these arguments: commands that need no other ranks.
[[noreturn]] void become_rank_program(const std::vector<std::string>& arguments);

}  // namespace temper
