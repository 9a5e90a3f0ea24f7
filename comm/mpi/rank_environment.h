// Who started this process as one of several ranks, from the variables that Open MPI, PMIx, PMI2
// and Slurm leave.
#pragma once

#include <functional>
#include <string>

namespace temper {

struct RankEnvironment {
  bool by_launcher = false;  // else it was started alone
  int size = 0;              // ranks; 0: not told
  int rank = -1;             // -1: not told
  int local_rank = -1;       // among those of this node; -1: not told
  std::string source;        // "OMPI_COMM_WORLD_SIZE=4", for messages
};

// The value of a variable, or null.
using VariableReader = std::function<const char*(const char*)>;

// SystemError when two of them disagree on the rank or the number of ranks: one launcher was
// started inside another. mpirun's ranks in a Slurm allocation also see variables of Slurm's, which
// are mpirun's own and don't count.
RankEnvironment find_rank_environment(const VariableReader& variable);
RankEnvironment find_rank_environment();  // of this process

}  // namespace temper
