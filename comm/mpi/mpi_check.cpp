#include "comm/mpi/mpi_check.h"

#include "common/error.h"

namespace temper {

void check_mpi(int code, const char* operation) {
  if (code == MPI_SUCCESS) return;
  char text[MPI_MAX_ERROR_STRING] = "unknown error";
  int length = 0;
  MPI_Error_string(code, text, &length);
  throw SystemError("{} failed: {}. The output of the other ranks may name the cause.", operation,
                    text);
}

}  // namespace temper
