// A Llama-family decoder as stages: embedding, num_layers blocks, head with the loss.
#pragma once

#include "arch/lora_config.h"
#include "arch/model_config.h"
#include "arch/stage_slots.h"
#include "stage/stage.h"

namespace temper {

// `lora` must be given for kLora and may be given for kNone (an adapter in use, frozen).
StageList make_decoder(const ModelConfig& config, const LoraConfig* lora, Training training);

}  // namespace temper
