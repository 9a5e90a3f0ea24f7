// Which row comes when: a seeded permutation that is computed, not stored, so that the position in
// the data is one integer and resuming is O(1), whatever the number of ranks.
#pragma once

#include <cstdint>

namespace temper {

class SampleOrder {
 public:
  // A fresh permutation of [0, num_rows) for every epoch, by a Feistel network over the next power
  // of four with cycle walking (Black and Rogaway, "Ciphers with arbitrary finite domains", 2002).
  SampleOrder(int64_t num_rows, uint64_t seed, bool shuffle = true);

  // The row at the run's position `cursor` >= 0; its epoch is cursor / num_rows.
  int64_t row_at(int64_t cursor) const;
  int64_t num_rows() const { return num_rows_; }

 private:
  int64_t num_rows_;
  uint64_t seed_;
  bool shuffle_;
  int half_bits_;
};

}  // namespace temper
