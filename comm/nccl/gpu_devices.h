// The GPUs that this process can use. A build without CUDA has none.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <string>

namespace temper {

struct GpuSupport {
  int count = 0;
  std::string
      problem;  // when there is none: what is missing, by driver and toolkit, and the remedy
};
GpuSupport find_gpus();

// The GPU whose number in this process is `index`, below count.
struct GpuInfo {
  std::string uuid;  // the same in every process that sees it
  std::string name;  // "NVIDIA H100 80GB HBM3"
  int major = 0;     // compute capability
  int minor = 0;
  int toolkit = 0;  // of this build, 13000 for CUDA 13.0
  int64_t memory_bytes = 0;
};
GpuInfo describe_gpu(int index);

// Makes it the one that this thread's new tensors and operations go to.
void select_gpu(int index);

// Most bytes that LibTorch has held of a GPU so far; 0 for the CPU.
int64_t peak_gpu_bytes(const at::Device& device);

}  // namespace temper
