#include "launcher/start/check_device.h"

#include "common/error.h"
#include "common/version.h"

namespace temper {
namespace {

constexpr const char* kRemedy =
    "this build of temper has no CUDA: build it with the cuda preset (docs/gpu.md)";

}  // namespace

void check_device(const RunConfig& config) {
  if (kBuiltWithCuda) return;
  if (config.device == DeviceChoice::kCuda) {
    throw UserError("device: cuda, but {}, or set device: cpu", kRemedy);
  }
  if (config.bf16) {
    throw UserError("bf16: true needs a GPU, and {}, or leave bf16 out", kRemedy);
  }
}

bool may_use_gpus(const RunConfig& config) {
  return kBuiltWithCuda && config.device != DeviceChoice::kCpu;
}

}  // namespace temper
