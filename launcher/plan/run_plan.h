// A whole run worked out without starting it: steps, memory, disk, operations. Reads the base's
// config.json, its safetensors headers and the headers of the datasets.
#pragma once

#include <cstdint>
#include <optional>

#include "arch/flops.h"
#include "arch/lora_config.h"
#include "arch/memory_plan.h"
#include "arch/model_config.h"
#include "common/memory_info.h"
#include "config/run_config.h"
#include "io/json.h"
#include "launcher/plan/training_plan.h"

namespace temper {

struct RunPlan {
  RunConfig config;
  ModelConfig model;
  std::optional<LoraConfig> lora;
  TrainingPlan training;
  RunSize size;
  MemoryPlan memory;

  const LoraConfig* adapter() const { return lora ? &*lora : nullptr; }
};

// UserError for whatever does not fit together.
RunPlan make_run_plan(const RunConfig& config, int num_ranks, int ranks_per_node);

// UserError when a node has too little memory for the run.
void require_memory(const RunPlan& plan, const HostMemory& available);

// What a node has, and what the run needs there: {"rank", "node", "fits", "remedies", ...}.
OrderedJson memory_report(const RunPlan& plan, const HostMemory& available);

// What each rank's GPU of `gpu_bytes` will hold: {"rank", "fits", "remedies", ...}.
OrderedJson gpu_memory_report(const RunPlan& plan, int64_t gpu_bytes);

// Of one micro-batch, which is what one rank computes in a round.
TrainingFlops micro_batch_flops(const RunPlan& plan);

}  // namespace temper
