// The weight slots of one stage, from the parameter tables of arch/.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "arch/lora_config.h"
#include "arch/model_config.h"
#include "arch/stage_slots.h"
#include "stage/stage.h"

namespace temper {

class SlotTable {
 public:
  // The slots of one stage, as arch/stage_slots.h lists them.
  SlotTable(const ModelConfig& config, const LoraConfig* lora, Training training, int64_t stage);

  const std::vector<WeightSlot>& slots() const { return slots_; }
  const WeightSlot& operator[](int64_t slot) const { return slots_[slot]; }

  int64_t index(const std::string& name) const;  // the name must be there
  int64_t find(const std::string& name) const;   // or -1

 private:
  std::vector<WeightSlot> slots_;
  std::unordered_map<std::string, int64_t> index_;
};

}  // namespace temper
