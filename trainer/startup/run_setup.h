// Everything a run needs before its ranks start to talk: configuration, model shape, base weights,
// data, hashes. Reading it involves no collective, so every rank finds the same mistakes.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "arch/lora_config.h"
#include "arch/memory_plan.h"
#include "arch/model_config.h"
#include "common/memory_info.h"
#include "config/run_config.h"
#include "model/hf_weights.h"
#include "run/run_directory.h"
#include "trainer/startup/training_data.h"

namespace temper {

struct HeldOutSet {
  std::string name;  // "test/medical", "general/wiki"
  PackedDataset dataset;
  int64_t num_bytes = 0;  // of the supervised text; known to rank 0
};

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
  // Of the test and the general sets' content: losses compare only over the same.
  Hash128 test_data_hash, general_data_hash;
  int64_t max_steps = 0;
  // All but base_hash, which the ranks find together, and initial_adapter_hash.
  RunIdentity identity;

  // Found by the ranks together: what they will need, and what there was before they took it.
  MemoryPlan memory;
  HostMemory available;

  double hash_seconds = 0.0;  // reading this rank's share of the base for its hash

  // Weights to start from: the base, and for LoRA a fresh adapter or an earlier one.
  std::unique_ptr<InitialLoraWeights> initial_lora;
  std::unique_ptr<PeftWeights> earlier_adapter;  // lora_model_dir's, or null
};

// Throws UserError for whatever does not fit together, `num_ranks` included (more ranks than
// micro-batches in a step would leave some without work for ever).
RunSetup prepare_run(RunConfig config, int num_ranks, const RunData& data);

// The held-out sets of a configuration under their names (eval/held_out_names.h).
std::vector<HeldOutSet> open_held_out(const std::vector<DatasetEntry>& entries,
                                      const std::string& prefix, const Hash128& tokenizer_hash,
                                      const RunData& data);

}  // namespace temper
