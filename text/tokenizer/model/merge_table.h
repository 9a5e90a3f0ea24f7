// The merges of a byte-pair encoding, looked up millions of times a second.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace temper {

// From (left id, right id) to the merge's rank and the id it makes.
class MergeTable {
 public:
  struct Merge {
    uint32_t rank;
    int32_t id;
  };
  void reserve(size_t num_merges);
  void set(int32_t left, int32_t right, Merge merge);  // the last one set counts
  const Merge* find(int32_t left, int32_t right) const;

 private:
  struct Slot {
    uint64_t key;
    Merge merge;
  };
  size_t place_of(uint64_t key) const;
  std::vector<Slot> slots_;
};

}  // namespace temper
