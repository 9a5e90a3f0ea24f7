// The command that starts ranks with Open MPI's mpirun. Pure: what goes in decides what comes out.
#pragma once

#include <string>
#include <vector>

namespace temper {

struct MpirunOptions {
  int num_ranks = 1;
  // Ranks that the allocation has room for (SLURM_NTASKS); 0 outside of one.
  int num_allocated_tasks = 0;
  bool is_root = false;
};

std::vector<std::string> mpirun_command(const MpirunOptions& options,
                                        const std::vector<std::string>& rank_command);

}  // namespace temper
