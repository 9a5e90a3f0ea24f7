#include "text/tokenizer/model/merge_table.h"

namespace temper {
namespace {

constexpr uint64_t kFreeSlot = ~uint64_t{0};

uint64_t pair_key(int32_t left, int32_t right) {
  return uint64_t{static_cast<uint32_t>(left)} << 32 | static_cast<uint32_t>(right);
}

}  // namespace

void MergeTable::reserve(size_t num_merges) {
  size_t size = 16;
  while (size < num_merges * 2) size *= 2;
  slots_.assign(size, Slot{kFreeSlot, {}});
}

size_t MergeTable::place_of(uint64_t key) const {
  const size_t mask = slots_.size() - 1;
  uint64_t mixed = key * 0x9E3779B97F4A7C15u;
  size_t i = (mixed ^ mixed >> 32) & mask;
  while (slots_[i].key != kFreeSlot && slots_[i].key != key) i = (i + 1) & mask;
  return i;
}

void MergeTable::set(int32_t left, int32_t right, Merge merge) {
  const uint64_t key = pair_key(left, right);
  slots_[place_of(key)] = {key, merge};
}

const MergeTable::Merge* MergeTable::find(int32_t left, int32_t right) const {
  const Slot& slot = slots_[place_of(pair_key(left, right))];
  return slot.key == kFreeSlot ? nullptr : &slot.merge;
}

}  // namespace temper
