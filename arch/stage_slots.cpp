#include "arch/stage_slots.h"

#include <string>

#include "arch/parameters.h"

namespace temper {

std::vector<std::vector<WeightSlot>> decoder_slots(const ModelConfig& config,
                                                   const LoraConfig* lora, Training training) {
  const auto trains = [&](const std::string& name) {
    return training == Training::kFull || (training == Training::kLora && lora->saves(name));
  };
  std::vector<std::vector<WeightSlot>> stages(static_cast<size_t>(config.num_layers + 2));
  for (const ParameterInfo& p : base_parameters(config)) {
    stages[static_cast<size_t>(p.stage)].push_back({p.name, p.shape, trains(p.name)});
  }
  if (config.tie_word_embeddings) stages.back().push_back(stages.front().front());
  if (lora == nullptr) return stages;
  for (const ParameterInfo& p : lora_parameters(config, *lora)) {
    stages[static_cast<size_t>(p.stage)].push_back({p.name, p.shape, training == Training::kLora});
  }
  return stages;
}

std::vector<WeightSlot> stage_slots(const ModelConfig& config, const LoraConfig* lora,
                                    Training training, int64_t stage) {
  return decoder_slots(config, lora, training)[static_cast<size_t>(stage)];
}

}  // namespace temper
