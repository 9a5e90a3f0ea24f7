// Tells whether a run fits into a node's memory, and what would make it fit.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "arch/memory_plan.h"
#include "common/memory_info.h"

namespace temper {

// A run as plan_memory takes it.
struct PlannedRun {
  const ModelConfig& model;
  const LoraConfig* lora;
  const RunConfig& config;
  RunSize size;
};

struct MemoryRemedy {
  std::string change;  // "gradient_checkpointing: true"
  int64_t bytes = 0;   // what the fullest node, or a GPU, would need then
};

// Single changes that lower what a node needs, the most effective first.
std::vector<MemoryRemedy> memory_remedies(const PlannedRun& run);
// The same for a GPU.
std::vector<MemoryRemedy> gpu_memory_remedies(const PlannedRun& run);

// UserError when a node has too little: what is needed and of what, what there is and who says so,
// and what to change. `taken_bytes`: of the plan, what the node's ranks hold already.
void require_memory(const PlannedRun& run, const MemoryPlan& plan, const HostMemory& available,
                    int64_t taken_bytes);

// UserError when a GPU of `gpu_bytes` cannot hold what is certain: weights, gradients and optimizer
// state. What may be less than planned (activations) refuses nothing.
void require_gpu_memory(const PlannedRun& run, const RankMemory& planned, int64_t gpu_bytes);

}  // namespace temper
