#include "trainer/device.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <malloc.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "common/error.h"
#include "trainer/tensor_allocator.h"

namespace temper {
namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string cpu_model() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.rfind("model name", 0) == 0) return line.substr(line.find(':') + 2);
  }
  return "unknown CPU";
}

}  // namespace

std::string allocated_gpu() {
  for (const char* name : {"CUDA_VISIBLE_DEVICES", "SLURM_JOB_GPUS", "SLURM_STEP_GPUS"}) {
    const std::string value = environment(name);
    if (value == "-1" || value == "NoDevFiles") return "";  // explicitly none
    if (!value.empty()) return fmt::format("{}={}", name, value);
  }
  return std::filesystem::exists("/dev/nvidia0") ? "/dev/nvidia0" : "";
}

void check_device(DeviceChoice choice) {
  if (choice == DeviceChoice::kCpu) return;
  const std::string gpu = allocated_gpu();
  if (choice == DeviceChoice::kAuto && gpu.empty()) return;
  throw UserError(
      "device: {}: {}, but this build cannot use it: {}; set `device: cpu` (or --set device=cpu) "
      "to "
      "train on the CPU on purpose",
      choice == DeviceChoice::kAuto ? "auto" : "cuda",
      gpu.empty() ? "a GPU was asked for" : fmt::format("a GPU is allocated ({})", gpu),
      at::hasCUDA() ? "training on CUDA devices is not part of this version"
                    : "its LibTorch finds no CUDA (no driver, or a CPU-only build)");
}

std::string cpu_kernel_level() {
  return fmt::format("{}, {}", cpu_model(), at::get_cpu_capability());
}

void prepare_cpu(int64_t threads_per_rank) {
  setenv("MKL_CBWR", "AUTO", /*overwrite=*/0);
  // glibc gives large freed blocks back to the kernel and faults them in again on the next use;
  // keeping them is worth a quarter of the step (docs/decisions/malloc.md).
  mallopt(M_MMAP_MAX, 0);
  mallopt(M_TRIM_THRESHOLD, -1);
  mallopt(M_TOP_PAD, 64 << 20);
  use_reusing_tensor_allocator();
  at::set_num_threads(static_cast<int>(threads_per_rank));
}

}  // namespace temper
