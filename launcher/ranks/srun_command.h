// The command that starts ranks with Slurm's srun. Pure: what goes in decides what comes out.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace temper {

struct SrunOptions {
  int num_ranks = 1;
  std::string mpi_plugin;  // "pmix_v4"
  int cpus_per_task = 0;   // 0: as the allocation has it
};

std::vector<std::string> srun_command(const SrunOptions& options,
                                      const std::vector<std::string>& rank_command);

// The PMIx plugin among those that `srun --mpi=list` prints, the newest; empty when there is none.
std::string choose_pmix_plugin(std::string_view srun_mpi_list);

}  // namespace temper
