#include "model/slot_table.h"

#include <utility>

#include "common/error.h"

namespace temper {

SlotTable::SlotTable(const ModelConfig& config, const LoraConfig* lora, Training training,
                     int64_t stage) {
  for (WeightSlot& slot : stage_slots(config, lora, training, stage)) {
    index_[slot.name] = static_cast<int64_t>(slots_.size());
    slots_.push_back(std::move(slot));
  }
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
