// One weight that a stage of a model uses: what is known of it without its values.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace temper {

struct WeightSlot {
  std::string name;  // full Hugging Face or PEFT parameter name
  std::vector<int64_t> shape;
  bool trainable = false;
};

}  // namespace temper
