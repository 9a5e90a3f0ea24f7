#include "comm/mpi/comm_environment.h"

#include <mpi.h>

#include <cstdlib>
#include <exception>

#include "comm/local/local_process_group.h"
#include "comm/mpi/mpi_check.h"
#include "comm/mpi/mpi_process_group.h"
#include "comm/mpi/rank_environment.h"
#include "comm/watch/watchdog.h"
#include "common/error.h"
#include "common/fault_points.h"

namespace temper {
namespace {

void initialise_mpi(int* argc, char*** argv) {
  // A rank that waits polls; it shall give its core to threads that compute. The user's value wins.
  setenv("OMPI_MCA_mpi_yield_when_idle", "1", 0);
  int provided = MPI_THREAD_SINGLE;
  check_mpi(MPI_Init_thread(argc, argv, MPI_THREAD_SERIALIZED, &provided), "MPI_Init_thread");
  if (provided < MPI_THREAD_SERIALIZED) {
    throw SystemError(
        "this MPI library was built without thread support (MPI_THREAD_SERIALIZED is needed)");
  }
}

void check_world(const RankEnvironment& launch) {
  int size = 0;
  int rank = 0;
  check_mpi(MPI_Comm_size(MPI_COMM_WORLD, &size), "MPI_Comm_size");
  check_mpi(MPI_Comm_rank(MPI_COMM_WORLD, &rank), "MPI_Comm_rank");
  if (launch.rank >= 0 && launch.rank != rank && size > 1) {
    throw SystemError("the launcher calls this rank {}, but MPI calls it {}", launch.rank, rank);
  }
  if (launch.size == 0 || launch.size == size) return;
  throw SystemError(
      "the launcher started {} ranks ({}), but MPI sees {}: the launcher belongs to another MPI "
      "than "
      "this program, or srun lacks its MPI plugin. Start with the mpirun of this program's MPI, or "
      "with srun --mpi=pmix.",
      launch.size, launch.source, size);
}

}  // namespace

CommEnvironment::CommEnvironment(int* argc, char*** argv) {
  int initialised = 0;
  check_mpi(MPI_Initialized(&initialised), "MPI_Initialized");
  if (initialised == 0) {
    const RankEnvironment launch = find_rank_environment();
    if (!launch.by_launcher) {
      world_ = make_local_process_group();
      return;
    }
    initialise_mpi(argc, argv);
    check_world(launch);
    owns_mpi_ = true;
  }
  auto world = std::make_unique<MpiProcessGroup>(MPI_COMM_WORLD);
  node_ranks_ = world->node_ranks();
  world_ = std::move(world);
}

CommEnvironment::~CommEnvironment() {
  heartbeat::set_phase(RankPhase::kExit);
  fault_point("exit");
  world_.reset();
  // While an exception unwinds the other ranks may never come to MPI_Finalize: leave, and the
  // launcher ends them.
  if (owns_mpi_ && std::uncaught_exceptions() == 0) {
    const OperationScope scope(Operation::kFinalize);
    MPI_Finalize();
  }
  heartbeat::set_phase(RankPhase::kLeft);
}

void CommEnvironment::watch(const WatchdogOptions& options) {
  if (options.stall_seconds <= 0) return;
  watchdog_ =
      std::make_unique<Watchdog>(std::make_unique<HeartbeatBoard>(*world_, node_ranks_), options);
}

void CommEnvironment::abort(int exit_code) {
  int initialised = 0;
  int finalised = 0;
  heartbeat::set_phase(RankPhase::kLeft);
  MPI_Initialized(&initialised);
  MPI_Finalized(&finalised);
  if (initialised != 0 && finalised == 0) MPI_Abort(MPI_COMM_WORLD, exit_code);
  std::_Exit(exit_code);
}

}  // namespace temper
