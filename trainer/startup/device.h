// Chooses the device that a rank computes on.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <memory>
#include <string>

#include "comm/process_group.h"
#include "config/run_config.h"

namespace temper {

// The environment variable or device file by which a GPU was given to this process, or empty.
std::string allocated_gpu();

struct RankDevice {
  at::Device device = at::kCPU;
  // CPU model and kernel level, or the GPU: the same bits are promised on equal ones.
  std::string level;
  int64_t gpu_bytes = 0;  // memory of the GPU; 0 for the CPU
};

// kAuto takes the CPU when no GPU is allocated. A GPU that is allocated but cannot be used is a
// UserError naming what gave it, what is missing and the remedy: never a silent run on the CPU.
// Ranks of a node take its GPUs in turn.
RankDevice find_device(DeviceChoice choice, int node_rank);

// The ranks' devices and the group they talk in: NCCL's where every rank has a GPU of its own, else
// the world itself, which brings tensors of GPUs through the host's memory.
struct RunDevices {
  RankDevice mine;
  bool share_gpus = false;
  std::unique_ptr<ProcessGroup> nccl;  // or null

  ProcessGroup& group(ProcessGroup& world) const { return nccl ? *nccl : world; }
};

// find_device on every rank. All throw the same AgreedError where one cannot have its device, where
// some have GPUs and others have none, and where `bf16` is asked of a device that cannot compute in
// it. Collective.
RunDevices agree_on_devices(DeviceChoice choice, bool bf16, ProcessGroup& world);

// CPU model and kernel level.
std::string cpu_kernel_level();

}  // namespace temper
