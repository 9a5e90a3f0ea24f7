// How the ranks of a job are started here: alone, with mpirun or with srun.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "config/run_config.h"

namespace temper {

// What is around this process, as far as starting ranks depends on it.
struct LaunchEnvironment {
  bool in_slurm_allocation = false;
  int slurm_tasks = 0;                    // SLURM_NTASKS; 0 when unknown
  std::vector<int> slurm_tasks_per_node;  // in the nodes' order; empty when unknown
  int slurm_cpus_per_task = 0;
  std::string pmix_plugin;  // that srun offers; empty: srun can't start Open MPI's ranks
  // Of mpirun's daemons (launcher/ranks/mpirun_daemon.h); empty: mpirun's own.
  std::string launch_agent;
  bool is_root = false;
  // mpirun's hostfile, with the slots of each host; empty: none.
  std::string hostfile;
  std::vector<int> hostfile_slots;
  // Set when this process is itself one of several that mpirun or srun started: their name.
  std::string started_by;
};

// Asks srun for its plugins when inside an allocation. UserError for a hostfile that is none; an
// empty name is no hostfile.
LaunchEnvironment read_launch_environment(const std::string& hostfile = "");

// "2(x3),1": SLURM_TASKS_PER_NODE as a number for each node; empty for anything else.
std::vector<int> tasks_per_node_in(std::string_view text);

struct RankLaunch {
  enum class Kind { kAlone, kMpirun, kSrun };
  Kind kind = Kind::kAlone;
  int num_ranks = 1;
  int ranks_per_node = 1;   // on the node that gets most of them
  int allocated_tasks = 0;  // of the Slurm allocation; 0 outside of one
  std::vector<std::string> command;
  std::string reason;  // why this starter, inside an allocation; empty elsewhere
};

// `num_ranks` 0: as many as the hostfile has slots or the allocation has tasks, or 1. UserError
// when this process is a rank itself, or srun was chosen and can't be used.
RankLaunch plan_launch(const LaunchEnvironment& environment, LauncherChoice choice, int num_ranks,
                       const std::vector<std::string>& rank_command);

// What starts one rank: temper-rank with `arguments`, in the run's container where it has one.
std::vector<std::string> rank_command(const SlurmConfig& slurm,
                                      const std::vector<std::string>& arguments);

// This executable, wherever it lies now.
std::filesystem::path find_own_program();

// The program temper-rank: TEMPER_RANK, or the one beside this executable. SystemError without one.
std::filesystem::path find_rank_program();

// Replaces this process by temper-rank with these arguments: commands that need no other ranks.
[[noreturn]] void become_rank_program(const std::vector<std::string>& arguments);

}  // namespace temper
