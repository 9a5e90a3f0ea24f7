// The memory that a sharded model holds on this rank.
#pragma once

#include <cstdint>

namespace temper {

// Bytes of the tensors that this rank holds between two steps, as they are allocated; memory that a
// node's ranks share counts in equal parts. arch/memory_plan.h says the same beforehand.
struct MemoryUse {
  int64_t weight_bytes = 0;    // weights that train
  int64_t frozen_bytes = 0;    // weights that do not
  int64_t gradient_bytes = 0;  // the owners' sums
  int64_t optimizer_bytes = 0;
  int64_t unsharded_parameter_bytes = 0;  // the two buffers of sharded stages
  int64_t unsharded_gradient_bytes = 0;   // one stage's gradients, or a step's
};

}  // namespace temper
