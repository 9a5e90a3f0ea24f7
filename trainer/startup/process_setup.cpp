#include "trainer/startup/process_setup.h"

#include <ATen/Parallel.h>
#include <malloc.h>

#include <cstdlib>

#include "trainer/startup/tensor_allocator.h"

namespace temper {

void prepare_process(int64_t threads_per_rank) {
  setenv("MKL_CBWR", "AUTO", /*overwrite=*/0);
  setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", /*overwrite=*/0);
  // glibc gives large freed blocks back to the kernel and faults them in again on the next use;
  // keeping them is worth a quarter of the step (docs/decisions/malloc.md).
  mallopt(M_MMAP_MAX, 0);
  mallopt(M_TRIM_THRESHOLD, -1);
  mallopt(M_TOP_PAD, 64 << 20);
  use_reusing_tensor_allocator();
  at::set_num_threads(static_cast<int>(threads_per_rank));
}

}  // namespace temper
