#include "comm/nccl/nccl_process_group.h"
#include "common/error.h"

namespace temper {

std::unique_ptr<ProcessGroup> make_nccl_process_group(std::unique_ptr<ProcessGroup>, int device) {
  throw UserError(
      "GPU {} was asked for, but this build has no CUDA: configure with -DTEMPER_CUDA=ON (the cuda "
      "preset), or set device: cpu",
      device);
}

}  // namespace temper
