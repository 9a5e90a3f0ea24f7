#include "comm/nccl/gpu_devices.h"
#include "common/error.h"

namespace temper {

GpuSupport find_gpus() {
  return {0,
          "this build has no CUDA: build temper with the cuda preset (cmake --preset cuda, "
          "docs/gpu.md)"};
}

GpuInfo describe_gpu(int index) {
  TEMPER_CHECK(false, "GPU {} in a build without CUDA", index);
  return {};
}

void select_gpu(int index) {
  TEMPER_CHECK(false, "GPU {} in a build without CUDA", index);
}

int64_t peak_gpu_bytes(const at::Device&) {
  return 0;
}

}  // namespace temper
