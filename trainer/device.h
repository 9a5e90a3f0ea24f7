// Which device a rank computes on.
#pragma once

#include <string>

#include "config/run_config.h"

namespace temper {

// The environment variable or device file by which a GPU was given to this process, or empty.
std::string allocated_gpu();

// kAuto takes the CPU when no GPU is allocated. A GPU that is allocated but cannot be used is a
// UserError naming what gave it, what is missing and the remedy: never a silent run on the CPU.
// This version computes on the CPU only, so any allocated GPU is such a case unless device is kCpu.
void check_device(DeviceChoice choice);

// CPU model and kernel level: what the same-bits promise holds for.
std::string cpu_kernel_level();

// Before the first tensor: fixes the kernels' code path for every buffer alignment (MKL_CBWR) and
// keeps large blocks inside the heap, unless the user has set these variables.
void prepare_cpu(int64_t threads_per_rank);

}  // namespace temper
