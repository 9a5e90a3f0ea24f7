#include "model/slot_table.h"

#include "arch/parameters.h"
#include "common/error.h"

namespace temper {

SlotTable::SlotTable(const ModelConfig& config, const LoraConfig* lora, Training training,
                     int64_t stage) {
  const auto trains = [&](const std::string& name) {
    return training == Training::kFull || (training == Training::kLora && lora->saves(name));
  };
  for (const ParameterInfo& p : base_parameters(config)) {
    if (p.stage == stage) add(p.name, p.shape, trains(p.name));
  }
  if (config.tie_word_embeddings && stage == config.num_layers + 1) {
    const std::string name = "model.embed_tokens.weight";
    add(name, {config.vocab_size, config.hidden_size}, trains(name));
  }
  if (lora == nullptr) return;
  for (const ParameterInfo& p : lora_parameters(config, *lora)) {
    if (p.stage == stage) add(p.name, p.shape, training == Training::kLora);
  }
}

void SlotTable::add(const std::string& name, const std::vector<int64_t>& shape, bool trainable) {
  index_[name] = static_cast<int64_t>(slots_.size());
  slots_.push_back({name, shape, trainable});
}

int64_t SlotTable::find(const std::string& name) const {
  const auto found = index_.find(name);
  return found == index_.end() ? -1 : found->second;
}

int64_t SlotTable::index(const std::string& name) const {
  const int64_t slot = find(name);
  TEMPER_CHECK(slot >= 0, "the stage has no weight \"{}\"", name);
  return slot;
}

}  // namespace temper
