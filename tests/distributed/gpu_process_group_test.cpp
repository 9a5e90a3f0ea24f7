// The conformance suite on GPUs: CUDA tensors through MPI (the ranks may share a GPU) and, where
// every rank has a GPU of its own, through NCCL.
#include <c10/cuda/CUDAFunctions.h>

#include "comm/nccl/nccl_process_group.h"
#include "tests/distributed/process_group_conformance.h"
#include "tests/distributed/world.h"

namespace temper {
namespace {

int choose_gpu() {
  const int gpu = world().node_rank() % c10::cuda::device_count_ensure_non_zero();
  c10::cuda::set_device(static_cast<c10::DeviceIndex>(gpu));
  return gpu;
}

std::unique_ptr<ProcessGroup> make_mpi() {
  choose_gpu();
  return world().split(0, world().rank());
}

// Ranks that share a GPU have no NCCL: they go through MPI once more.
std::unique_ptr<ProcessGroup> make_nccl() {
  if (world().node_size() > c10::cuda::device_count()) return make_mpi();
  return make_nccl_process_group(world().split(0, world().rank()), choose_gpu());
}

INSTANTIATE_TEST_SUITE_P(StagedMpi, ProcessGroupConformance,
                         testing::Values(GroupKind{"Gpu", make_mpi, at::kCUDA}), group_kind_name);
INSTANTIATE_TEST_SUITE_P(Nccl, ProcessGroupConformance,
                         testing::Values(GroupKind{"Gpu", make_nccl, at::kCUDA}), group_kind_name);

}  // namespace
}  // namespace temper
