// Turns the return codes of MPI calls into SystemErrors.
#pragma once

#include <mpi.h>

namespace temper {

// Throws a SystemError that names `operation` and MPI's own text unless `code` is MPI_SUCCESS.
void check_mpi(int code, const char* operation);

}  // namespace temper
