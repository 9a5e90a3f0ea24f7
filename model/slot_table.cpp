#include "model/slot_table.h"

#include "arch/parameters.h"
#include "common/error.h"

namespace temper {

SlotTable::SlotTable(const ModelConfig& config, const LoraConfig* lora, Training training,
                     int64_t stage) {
  const bool full = training == Training::kFull;
  for (const ParameterInfo& p : base_parameters(config)) {
    if (p.stage == stage) add(p.name, p.shape, full);
  }
  if (config.tie_word_embeddings && stage == config.num_layers + 1) {
    add("model.embed_tokens.weight", {config.vocab_size, config.hidden_size}, full);
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
