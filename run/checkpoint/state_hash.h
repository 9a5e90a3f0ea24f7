// // Hashes a training state: names, fp32 weights, optimizer state and cursor, whatever the number
// of ranks that hold it. Two runs with equal state hashes will continue with equal bits.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "common/hash.h"

namespace temper {

class StateHasher {
 public:
  // Every parameter is hashed in chunks of this many elements, counted from its own start.
  static constexpr int64_t kChunkElements = 256;

  // Adds elements [begin, begin + count) of one tensor ("weight", "adam_m", "adam_v" of a
  // parameter). `begin` is a multiple of kChunkElements; a count that is not must reach the
  // parameter's end. The order of calls does not matter.
  void add(std::string_view kind, std::string_view parameter, int64_t begin, const float* values,
           int64_t count);

  // The partial sum in four limbs of 32 bits: an all-reduce may add up those of 2^31 ranks before
  // an int64 overflows.
  std::array<int64_t, 4> limbs() const;
  static StateHasher from_limbs(const std::array<int64_t, 4>& limbs);

  Hash128 finish(int64_t step, int64_t rows_consumed) const;

 private:
  Hash128 sum_;
};

}  // namespace temper
