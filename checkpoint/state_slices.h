// The training state that a rank holds, as slices of whole tensors: what a checkpoint is made of.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "run/checkpoint/state_hash.h"
#include "sharding/sharded_model.h"

namespace temper {

// Elements [begin, begin + count) of one flattened tensor of a parameter.
struct StateSlice {
  const char* kind = "";  // "weight", "adam_m" or "adam_v"
  std::string parameter;
  int64_t begin = 0;
  int64_t count = 0;
  float* values = nullptr;  // in the host_shards() of the model: [count], valid as long as it lives

  std::string key() const { return std::string(kind) + "/" + parameter; }
};

// Lists them in the order of the model's shards, the same at every call.
std::vector<StateSlice> state_slices(ShardedModel& model);

}  // namespace temper
