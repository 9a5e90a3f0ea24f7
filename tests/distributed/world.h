// The ranks that mpirun started, for distributed tests.
#pragma once

#include "comm/mpi/comm_environment.h"
#include "comm/process_group.h"

namespace temper {

// Never freed: it must outlive every static, and MPI_Finalize of mpi_main.cpp comes first.
inline ProcessGroup& world() {
  static auto* environment = new CommEnvironment(nullptr, nullptr);
  return environment->world();
}

}  // namespace temper
