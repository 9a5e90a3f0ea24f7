// Everything that a run needs before its model is loaded: configuration, model shape, base weights,
// data, hashes.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "arch/lora_config.h"
#include "arch/memory_plan.h"
#include "arch/model_config.h"
#include "comm/process_group.h"
#include "common/memory_info.h"
#include "config/run_config.h"
#include "eval/held_out_sets.h"
#include "model/hf_weights.h"
#include "run/run_identity.h"
#include "trainer/startup/training_data.h"

namespace temper {

struct RunSetup {
  RunConfig config;
  ModelConfig model;
  std::optional<LoraConfig> lora;
  Hash128 tokenizer_hash;
  std::unique_ptr<HfWeights> base;
  std::unique_ptr<TrainingData> data;
  std::optional<TemplateRecord> chat_template;  // of the conversations in `data`
  std::vector<HeldOutSet> held_out;             // test sets first
  int64_t num_test_sets = 0;
  // Hashes of the content of all test and of all general sets: losses over other data do not
  // compare.
  Hash128 test_data_hash, general_data_hash;
  int64_t max_steps = 0;
  RunIdentity identity;

  // The memory that the ranks will need, and what there was before they took it.
  MemoryPlan memory;
  HostMemory available;

  double hash_seconds = 0.0;  // reading this rank's share of the base for its hash

  // Weights to start from: the base, and for LoRA a fresh adapter or an earlier one.
  std::unique_ptr<InitialLoraWeights> initial_lora;
  std::unique_ptr<PeftWeights> earlier_adapter;  // lora_model_dir's, or null
};

// Reads and checks all of it. One rank opens the datasets for all, and each reads its share of the
// base for its hash. What any rank finds wrong is an AgreedError; so is a run that does not fit
// into the host's memory or, with a GPU of `gpu_bytes` (0: on the CPU), into that. Collective.
RunSetup prepare_run(const RunConfig& config, int64_t gpu_bytes, ProcessGroup& group);

}  // namespace temper
