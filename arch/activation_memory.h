// How much memory the tensors of one micro-batch need: a walk through its forward and backward that
// takes and gives back what the stages of model/ do, in their order, as numbers. A test compares it
// with what those stages allocate.
#pragma once

#include <cstdint>

#include "arch/layout/sharding_options.h"
#include "arch/lora_config.h"
#include "arch/model_config.h"
#include "arch/stage_slots.h"

namespace temper {

struct MicroBatchSize {
  int64_t tokens = 0;   // rows x sequence_len
  int64_t targets = 0;  // of them supervised; fewer than tokens, since a document's last is never
  int64_t threads = 1;
  bool on_gpu = false;
  int64_t number_bytes = 4;  // of an activation: 4 in fp32, 2 in bf16
};

// Most bytes of activations and their gradients that a training micro-batch holds at one moment.
// `options` says which stages are computed again. `lora` may be null. On a GPU attention is flash
// attention: the scores that it needs without (in fp32) are not counted.
int64_t training_activation_bytes(const ModelConfig& config, const LoraConfig* lora,
                                  Training training, const ShardingOptions& options,
                                  const MicroBatchSize& batch);

// The same of an evaluation, which keeps nothing for a backward.
int64_t evaluation_activation_bytes(const ModelConfig& config, const LoraConfig* lora,
                                    const MicroBatchSize& batch);

}  // namespace temper
