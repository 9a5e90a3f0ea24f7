// The weights of each stage of a decoder, in order: what model/ builds its stages from, and all
// that a plan of their memory needs.
#pragma once

#include <cstdint>
#include <vector>

#include "arch/layout/weight_slot.h"
#include "arch/lora_config.h"
#include "arch/model_config.h"

namespace temper {

// Which parameters train.
enum class Training { kFull, kLora, kNone };

// Of stage `stage`: 0 embedding, 1 .. num_layers blocks, num_layers + 1 head. Base parameters
// first. `lora` may be null but for kLora, where its modules_to_save train, too. With tied
// embeddings the head's output matrix is a slot named as the embedding.
std::vector<WeightSlot> stage_slots(const ModelConfig& config, const LoraConfig* lora,
                                    Training training, int64_t stage);

// Of all stages. The parameter tables are made once.
std::vector<std::vector<WeightSlot>> decoder_slots(const ModelConfig& config,
                                                   const LoraConfig* lora, Training training);

}  // namespace temper
