// Counts the floating-point operations of training: multiply-adds of the matrix products count as
// two, and nothing else counts.
#pragma once

#include <cstdint>

#include "arch/layout/sharding_options.h"
#include "arch/lora_config.h"
#include "arch/model_config.h"

namespace temper {

struct TrainingFlops {
  double forward = 0.0;
  double backward = 0.0;
  double recomputed = 0.0;  // forwards again, with gradient checkpointing
  double attention = 0.0;   // of all these, scores and weighted sums

  double total() const { return forward + backward + recomputed; }
};

// // Counts those of `tokens` tokens in documents of `document_len`, `targets` of them supervised
// (the head computes those only). `lora` is null for full fine-tuning.
TrainingFlops training_flops(const ModelConfig& config, const LoraConfig* lora,
                             const ShardingOptions& options, double tokens, double targets,
                             double document_len);

}  // namespace temper
