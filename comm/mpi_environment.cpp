#include <mpi.h>

#include <charconv>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <string>

#include "comm/mpi_check.h"
#include "comm/mpi_process_group.h"
#include "comm/process_group.h"
#include "comm/watchdog.h"
#include "common/error.h"
#include "common/fault_points.h"

namespace temper {
namespace {

// The ranks that a launcher says it started, or 0 when the variable is not there.
int ranks_named_by(const char* variable) {
  const char* text = std::getenv(variable);
  if (text == nullptr) return 0;
  int value = 0;
  const auto result = std::from_chars(text, text + std::strlen(text), value);
  return result.ec == std::errc() && value > 0 ? value : 0;
}

struct Launch {
  bool by_launcher = false;
  int num_ranks = 0;  // 0: not known
  std::string source;
};

// srun sets SLURM_STEP_NUM_TASKS for its steps; a batch script has SLURM_PROCID too, but no step.
Launch find_launch() {
  for (const char* variable : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"}) {
    const int ranks = ranks_named_by(variable);
    if (ranks == 0) continue;
    // An interactive shell inside an allocation is a step of one task: started alone, in effect,
    // unless the step speaks PMI.
    const bool shell = std::strcmp(variable, "SLURM_STEP_NUM_TASKS") == 0 && ranks == 1;
    if (!shell) return {true, ranks, fmt::format("{}={}", variable, ranks)};
  }
  for (const char* variable : {"PMIX_RANK", "PMI_RANK"}) {
    if (std::getenv(variable) != nullptr) return {true, 0, variable};
  }
  return {};
}

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

void check_world_size(const Launch& launch) {
  int size = 0;
  check_mpi(MPI_Comm_size(MPI_COMM_WORLD, &size), "MPI_Comm_size");
  if (launch.num_ranks == 0 || launch.num_ranks == size) return;
  throw SystemError(
      "the launcher started {} ranks ({}), but MPI sees {}: the launcher belongs to another MPI "
      "than "
      "this program, or srun lacks its MPI plugin. Start with the mpirun of this program's MPI, or "
      "with srun --mpi=pmix.",
      launch.num_ranks, launch.source, size);
}

}  // namespace

CommEnvironment::CommEnvironment(int* argc, char*** argv) {
  int initialised = 0;
  check_mpi(MPI_Initialized(&initialised), "MPI_Initialized");
  if (initialised == 0) {
    const Launch launch = find_launch();
    if (!launch.by_launcher) {
      world_ = make_local_process_group();
      return;
    }
    initialise_mpi(argc, argv);
    check_world_size(launch);
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
