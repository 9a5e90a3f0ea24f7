// Finds pairs of records that are nearly the same, by locality-sensitive hashing of their MinHash
// signatures. Signatures and band keys wait on disk: 516 + 16 x bands bytes a record (21 bands at
// the threshold 0.8); in memory stay two sorting buffers of 16 MiB.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>

#include "data/dataset/spill_file.h"
#include "data/hygiene/min_hash.h"

namespace temper {

class NearDuplicates {
 public:
  // `threshold` in (0, 1]; spills beside `path`.
  NearDuplicates(double threshold, const std::filesystem::path& path);

  // Records are numbered 0, 1, ... in the order in which they are added.
  void add(const MinHash& hash);

  // Pairs whose estimated similarity reaches the threshold, ascending by (later, earlier). Within a
  // large set of records that are all alike, each is paired with a few others only.
  void for_each_pair(const std::function<void(uint32_t later, uint32_t earlier)>& take);

 private:
  struct Band {
    uint64_t key;
    uint32_t record, unused;
    bool operator<(const Band& other) const {
      return key != other.key ? key < other.key : record < other.record;
    }
  };

  double threshold_;
  std::filesystem::path path_;
  MinHashBands bands_;
  SpillVector<MinHash> hashes_;
  ExternalSorter<Band> sorter_;
};

}  // namespace temper
