// Asks a model to prove an export: with built-in tokens, never with a record.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "arch/lora_config.h"
#include "arch/model_config.h"
#include "stage/batch.h"
#include "stage/weight_source.h"

namespace temper {

// A sentence for the probe, to be put through the model's own tokenizer.
inline constexpr const char* kProbeSentence =
    "Tempering a blade takes heat, time and a steady hand; too much of any one spoils the edge.";

// Packed documents: token sequences from a fixed seed over the whole vocabulary, and `sentence`
// (ids; may be empty). Every next token is a target.
Batch make_probe(const ModelConfig& config, const std::vector<int64_t>& sentence);

// Each prompt is a document; nothing is a target but its own next tokens.
Batch make_prompt_batch(const std::vector<std::vector<int64_t>>& prompts);

struct ProbeAnswer {
  at::Tensor logits;  // [T, vocab] fp32
  double loss = 0.0;  // mean over the targets; 0 without any
};

// The model runs stage by stage, each read from `weights` and dropped again: no more than one
// block, or the embedding or head, is in memory at once.
ProbeAnswer answer_probe(const ModelConfig& config, const std::optional<LoraConfig>& lora,
                         const WeightSource& weights, const Batch& probe);

// Largest absolute difference between the logits; NaN when any of them is not finite.
double max_logit_difference(const ProbeAnswer& a, const ProbeAnswer& b);

}  // namespace temper
