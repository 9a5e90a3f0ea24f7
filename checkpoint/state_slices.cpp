#include "checkpoint/state_slices.h"

#include <utility>

namespace temper {

std::vector<StateSlice> state_slices(ShardedModel& model) {
  const int rank = model.mesh().shard().rank();
  std::vector<StateSlice> slices;
  for (TrainableShard& shard : model.host_shards()) {
    const std::pair<const char*, float*> tensors[] = {{"weight", shard.weight.data_ptr<float>()},
                                                      {"adam_m", shard.adam_m.data_ptr<float>()},
                                                      {"adam_v", shard.adam_v.data_ptr<float>()}};
    for (const ShardPiece& piece : shard.layout->pieces(rank)) {
      const std::string& name = shard.layout->parameters()[piece.parameter].name;
      for (const auto& [kind, values] : tensors) {
        slices.push_back(
            {kind, name, piece.parameter_begin, piece.count, values + piece.shard_offset});
      }
    }
  }
  return slices;
}

}  // namespace temper
