// The command that starts ranks with Open MPI's mpirun. Pure: what goes in decides what comes out.
#pragma once

#include <string>
#include <vector>

namespace temper {

struct MpirunOptions {
  int num_ranks = 1;
  // Ranks that the allocation (SLURM_NTASKS) or the hostfile has room for; 0 without either.
  int num_allocated_tasks = 0;
  std::string launch_agent = {};  // starts its daemons on other nodes; empty: orted itself
  bool is_root = false;
  std::string hostfile = {};  // of hosts to start them on; empty: here, or the allocation's
};

std::vector<std::string> mpirun_command(const MpirunOptions& options,
                                        const std::vector<std::string>& rank_command);

}  // namespace temper
