// One bucket's memory on this rank: weights where the plan wants them and, when trainable, gradient
// accumulators and optimizer state for this rank's shard.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

#include "arch/layout/bucket_layout.h"
#include "arch/layout/model_plan.h"
#include "arch/layout/sharding_options.h"
#include "sharding/sharded_model.h"
#include "stage/compute_place.h"
#include "stage/weight_source.h"

namespace temper {

class WeightBucket {
 public:
  struct Place {
    int rank = 0;
    int world_size = 1;
    int node_rank = 0;
    int node_size = 1;
    ComputePlace compute = {};
  };

  WeightBucket(const PlannedBucket& plan, BucketHome home, const Place& place);

  // For kNodeShared: the whole bucket in memory that the node shares, [layout().num_elements()].
  void set_shared_memory(const at::Tensor& full);

  bool trainable() const { return trainable_; }
  BucketHome home() const { return home_; }
  const BucketLayout& layout() const { return layout_; }
  // The whole bucket, [layout().num_elements()] in the compute type; undefined for kShard.
  const at::Tensor& full() const { return full_; }
  // [layout().shard_elements()], undefined where no rank owns a part (frozen full copies). In fp32
  // when trainable, else in the compute type.
  const at::Tensor& shard() const { return shard_; }
  // The running gradient sum of use `use`, [layout().shard_elements()] fp32.
  at::Tensor& accumulator(int use) { return accumulators_[use]; }

  // Throws UserError when a parameter is missing.
  void check_complete(const WeightSource& source) const;
  // Reads this rank's part: its shard, its share of the node's copy, or everything.
  void load(const WeightSource& source);

  // Brings this rank's shard into a full copy of another type.
  void publish_shard();

  // Adds the accumulators of later uses to the first one and clears them.
  void finish_gradient();
  void zero_gradients();
  void adamw_step(const AdamWOptions& options, double gradient_scale, int64_t step);
  TrainableShard trainable_shard();

  void add_memory_use(ShardedModel::MemoryUse& use) const;

 private:
  bool owns_shard() const { return trainable_ || home_ == BucketHome::kShard; }
  void point_shard_into_full();
  at::Tensor shard_of_full() const;
  void read_piece(const WeightSource& source, const ShardPiece& piece, at::Tensor target) const;

  bool trainable_;
  BucketHome home_;
  Place place_;
  BucketLayout layout_;
  at::Tensor full_;
  at::Tensor shard_;
  std::vector<at::Tensor> accumulators_;  // by use
  at::Tensor adam_m_;
  at::Tensor adam_v_;
};

}  // namespace temper
