// Sets up a process that computes, before its first tensor.
#pragma once

#include <cstdint>

namespace temper {

// Fixes the kernels' code path for every buffer alignment (MKL_CBWR) and for every run on a GPU
// (CUBLAS_WORKSPACE_CONFIG), unless the user has set these variables, keeps large blocks inside the
// heap, and sets the number of threads. A second call only changes the threads.
void prepare_process(int64_t threads_per_rank);

}  // namespace temper
