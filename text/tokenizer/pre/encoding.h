// What a tokenizer makes of a text.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

namespace temper {

struct Encoding {
  std::vector<int32_t> ids;
  // For each id the range of the text it came from, in code points, as Hugging Face reports it.
  std::vector<std::pair<int32_t, int32_t>> offsets;
};

}  // namespace temper
