// A document as it lies in a row of a packed dataset.
#pragma once

#include <cstdint>
#include <vector>

namespace temper {

struct PackedDocument {
  std::vector<int32_t> tokens;      // 1 to sequence_len of them
  std::vector<uint8_t> supervised;  // as long as tokens; the first is 0
  int32_t source = 0;
  int64_t record = 0;
  int32_t piece = 0;
  int32_t topic = -1;  // index into the dataset's topics; -1: none
};

}  // namespace temper
