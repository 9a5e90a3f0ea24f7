// The weight slots of one stage, from the parameter tables of arch/.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "arch/lora_config.h"
#include "arch/model_config.h"
#include "model/decoder.h"
#include "stage/stage.h"

namespace temper {

class SlotTable {
 public:
  // The slots of stage `stage` (0 embedding, 1 .. num_layers blocks, num_layers + 1 head), base
  // parameters first. `lora` may be null but for kLora, where its modules_to_save train, too. With
  // tied embeddings the head's output matrix is a slot named as the embedding.
  SlotTable(const ModelConfig& config, const LoraConfig* lora, Training training, int64_t stage);

  const std::vector<WeightSlot>& slots() const { return slots_; }
  const WeightSlot& operator[](int64_t slot) const { return slots_[slot]; }

  int64_t index(const std::string& name) const;  // the name must be there
  int64_t find(const std::string& name) const;   // or -1

 private:
  void add(const std::string& name, const std::vector<int64_t>& shape, bool trainable);

  std::vector<WeightSlot> slots_;
  std::unordered_map<std::string, int64_t> index_;
};

}  // namespace temper
