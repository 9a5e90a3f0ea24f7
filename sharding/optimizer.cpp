#include "sharding/optimizer.h"

namespace temper {

void adamw_step(ParameterGroup& group, const AdamWOptions& options) {
  const TrainableShard shard = group.trainable_shard();
  for (const ShardPiece& piece : shard.layout->pieces(group.coordinates().rank)) {
    const bool decayed = shard.layout->parameters()[piece.parameter].shape.size() >= 2;
    AdamWOptions here = options;
    here.weight_decay = decayed ? options.weight_decay : 0.0;
    const auto part = [&](const at::Tensor& whole) {
      return whole.narrow(0, piece.shard_offset, piece.count);
    };
    adamw_update(part(shard.weight), part(shard.gradient), part(shard.adam_m), part(shard.adam_v),
                 here);
  }
}

}  // namespace temper
