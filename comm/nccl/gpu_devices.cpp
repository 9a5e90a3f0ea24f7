#include "comm/nccl/gpu_devices.h"

#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAFunctions.h>
#include <cuda_runtime_api.h>

#include "common/error.h"

namespace temper {
namespace {

void check_cuda(cudaError_t error, const char* operation) {
  if (error == cudaSuccess) return;
  throw SystemError("{} failed: {} ({})", operation, cudaGetErrorString(error),
                    cudaGetErrorName(error));
}

std::string version_text(int version) {
  return fmt::format("{}.{}", version / 1000, version % 1000 / 10);
}

}  // namespace

GpuSupport find_gpus() {
  int count = 0, driver = 0;
  const cudaError_t error = cudaGetDeviceCount(&count);
  if (error == cudaSuccess && count > 0) return {count, ""};
  (void)cudaGetLastError();  // it would be found by the next operation
  const std::string toolkit = version_text(CUDART_VERSION);
  if (cudaDriverGetVersion(&driver) != cudaSuccess || driver == 0) {
    return {0,
            fmt::format("no NVIDIA driver is there ({}), while this build was made with the CUDA "
                        "{} toolkit: load or install the driver (nvidia-smi shows it), or pass "
                        "the GPU into the container",
                        cudaGetErrorString(error), toolkit)};
  }
  return {0, fmt::format("CUDA finds no GPU it can use ({}); the driver serves CUDA {}, this build "
                         "was made with the CUDA {} toolkit: the driver must serve that or newer, "
                         "and CUDA_VISIBLE_DEVICES must name GPUs of this node",
                         cudaGetErrorString(error), version_text(driver), toolkit)};
}

GpuInfo describe_gpu(int index) {
  cudaDeviceProp properties{};
  check_cuda(cudaGetDeviceProperties(&properties, index), "cudaGetDeviceProperties");
  GpuInfo info;
  for (const char byte : properties.uuid.bytes) {
    info.uuid += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  }
  info.name = properties.name;
  info.major = properties.major;
  info.minor = properties.minor;
  info.toolkit = CUDART_VERSION;
  info.memory_bytes = static_cast<int64_t>(properties.totalGlobalMem);
  return info;
}

void select_gpu(int index) {
  c10::cuda::set_device(static_cast<c10::DeviceIndex>(index));
}

int64_t peak_gpu_bytes(const at::Device& device) {
  namespace allocator = c10::cuda::CUDACachingAllocator;
  if (!device.is_cuda()) return 0;
  const auto stats = allocator::getDeviceStats(device.index());
  return stats.reserved_bytes[0].peak;  // 0: all pools together
}

}  // namespace temper
