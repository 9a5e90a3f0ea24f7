// Whether a run fits into a node's memory, and what would make it fit.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "arch/memory_plan.h"
#include "common/host_memory.h"

namespace temper {

// A run as plan_memory takes it.
struct PlannedRun {
  const ModelConfig& model;
  const LoraConfig* lora;
  const RunConfig& config;
  RunSize size;
};

struct MemoryRemedy {
  std::string change;      // "gradient_checkpointing: true"
  int64_t node_bytes = 0;  // what the fullest node would need then
};

// Single changes that lower what a node needs, the most effective first.
std::vector<MemoryRemedy> memory_remedies(const PlannedRun& run);

// UserError when a node has too little: what is needed and of what, what there is and who says so,
// and what to change. `taken_bytes`: of the plan, what the node's ranks hold already.
void require_memory(const PlannedRun& run, const MemoryPlan& plan, const HostMemory& available,
                    int64_t taken_bytes);

}  // namespace temper
