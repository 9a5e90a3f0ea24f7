// The job's ranks and the lifetime of MPI.
#pragma once

#include <memory>
#include <vector>

#include "comm/process_group.h"

namespace temper {

class Watchdog;
struct WatchdogOptions;

// MPI's lifetime as an object. Initialises MPI (thread level serialized) unless this process was
// started alone, without mpirun or srun: then world() is a local group. Where MPI is initialised
// already (a test's main), it is used and not finalised.
class CommEnvironment {
 public:
  // argc and argv may be null. Throws SystemError when MPI sees another number of ranks than the
  // launcher started (a launcher of another MPI, or srun without its MPI plugin).
  CommEnvironment(int* argc, char*** argv);
  ~CommEnvironment();  // MPI_Finalize
  CommEnvironment(const CommEnvironment&) = delete;
  CommEnvironment& operator=(const CommEnvironment&) = delete;

  ProcessGroup& world() { return *world_; }
  // From now on, until the end of this object, a rank that dies or makes no progress ends the job
  // (comm/watch/watchdog.h). Collective.
  void watch(const WatchdogOptions& options);
  // Ends all ranks at once (MPI_Abort), for a rank that met an error the others did not.
  [[noreturn]] void abort(int exit_code);

 private:
  bool owns_mpi_ = false;
  std::unique_ptr<ProcessGroup> world_;
  std::vector<int> node_ranks_ = {0};  // of the world, on this node
  std::unique_ptr<Watchdog> watchdog_;
};

}  // namespace temper
