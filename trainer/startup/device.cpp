#include "trainer/startup/device.h"

#include <ATen/ATen.h>
#include <ATen/Version.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <vector>

#include "comm/agreement.h"
#include "comm/nccl/gpu_devices.h"
#include "comm/nccl/nccl_process_group.h"
#include "common/error.h"
#include "common/log.h"

namespace temper {
namespace {

constexpr int kOldestMajorForBf16 = 8;

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

// Ranks are told by what they compute on: "" is the CPU.
void check_all_alike(const std::vector<std::string>& uuids) {
  const auto without = std::find(uuids.begin(), uuids.end(), "");
  const auto count = std::count(uuids.begin(), uuids.end(), "");
  if (count == 0 || count == static_cast<int64_t>(uuids.size())) return;
  throw UserError(
      "device: auto: {} of {} ranks have no GPU (the first is rank {}), the others have: all must "
      "compute on the same kind of device. Allocate a GPU for every rank, or set device: cpu",
      count, uuids.size(), without - uuids.begin());
}

void check_bf16(const at::Device& device) {
  if (device.is_cpu()) {
    throw UserError(
        "bf16: true needs a GPU, and this run computes on the CPU, in fp32: leave bf16 out (or "
        "--set bf16=false), or allocate a GPU");
  }
  const GpuInfo gpu = describe_gpu(device.index());
  if (gpu.major >= kOldestMajorForBf16) return;
  throw UserError("bf16: true needs a GPU of compute capability {}.0 or newer; {} has {}.{}",
                  kOldestMajorForBf16, gpu.name, gpu.major, gpu.minor);
}

std::string gpu_level(const GpuInfo& gpu) {
  return fmt::format("{}, compute capability {}.{}, CUDA {}.{}", gpu.name, gpu.major, gpu.minor,
                     gpu.toolkit / 1000, gpu.toolkit % 1000 / 10);
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

RankDevice find_device(DeviceChoice choice, int node_rank) {
  const RankDevice cpu{at::kCPU, cpu_kernel_level()};
  if (choice == DeviceChoice::kCpu) return cpu;
  const std::string given_by = allocated_gpu();
  if (choice == DeviceChoice::kAuto && given_by.empty()) return cpu;
  const GpuSupport gpus = find_gpus();
  if (gpus.count == 0) {
    throw UserError(
        "device: {}: {}, but it cannot be used: {}. To compute on the CPU on purpose set device: "
        "cpu (--set device=cpu, or --device cpu)",
        choice == DeviceChoice::kAuto ? "auto" : "cuda",
        given_by.empty() ? "a GPU was asked for" : fmt::format("a GPU is allocated ({})", given_by),
        gpus.problem);
  }
  const int index = node_rank % gpus.count;
  const GpuInfo gpu = describe_gpu(index);
  return {at::Device(at::kCUDA, static_cast<at::DeviceIndex>(index)), gpu_level(gpu),
          gpu.memory_bytes};
}

RunDevices agree_on_devices(DeviceChoice choice, bool bf16, ProcessGroup& world) {
  RunDevices devices;
  run_agreed(world, [&] { devices.mine = find_device(choice, world.node_rank()); });
  const bool on_gpu = devices.mine.device.is_cuda();
  const std::string uuid = on_gpu ? describe_gpu(devices.mine.device.index()).uuid : "";
  const std::vector<std::string> uuids = world.all_gather_text(uuid);
  run_agreed(world, [&] {
    check_all_alike(uuids);
    if (bf16) check_bf16(devices.mine.device);
    if (on_gpu) select_gpu(devices.mine.device.index());
  });
  if (!on_gpu || world.size() == 1) return devices;
  devices.share_gpus = std::set<std::string>(uuids.begin(), uuids.end()).size() < uuids.size();
  if (devices.share_gpus) {
    log::warning(
        "ranks share a GPU: NCCL does not serve that, so they exchange through the host's memory, "
        "slower. One rank per GPU is meant");
  } else {
    devices.nccl =
        make_nccl_process_group(world.split(0, world.rank()), devices.mine.device.index());
  }
  return devices;
}

std::string cpu_kernel_level() {
  return fmt::format("{}, {}", cpu_model(), at::get_cpu_capability());
}

}  // namespace temper
