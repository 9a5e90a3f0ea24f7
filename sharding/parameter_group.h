// The memory of one parameter group on this rank: weights at the group's placement and, when the
// group trains, gradient accumulators and optimizer state for this rank's shard. A stage has one
// group for its trainable and one for its frozen parameters; each is one flat buffer
// (arch/layout/bucket_layout.h).
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

#include "arch/layout/bucket_layout.h"
#include "arch/layout/model_plan.h"
#include "arch/layout/sharding_options.h"
#include "sharding/memory_use.h"
#include "stage/compute_device.h"

namespace temper {

// A trainable group's state on this rank; every tensor is [shard_elements] fp32, on the device.
struct TrainableShard {
  const BucketLayout* layout = nullptr;
  at::Tensor weight;
  at::Tensor gradient;  // sum over the step's micro-batches so far
  at::Tensor adam_m;
  at::Tensor adam_v;
};

// Which shard this rank owns, and which share of what its node has once is its to read.
struct ShardCoordinates {
  int rank = 0;  // in its replica, which has num_ranks
  int num_ranks = 1;
  int node_rank = 0;  // among the node_size ranks of all replicas on this node
  int node_size = 1;
};

class ParameterGroup {
 public:
  ParameterGroup(const PlannedGroup& plan, Placement placement, const ShardCoordinates& coordinates,
                 const ComputeDevice& compute);

  // For kNodeShared: the whole group in memory that the node shares, [layout().num_elements()].
  void set_shared_memory(const at::Tensor& full);

  bool trainable() const { return trainable_; }
  Placement placement() const { return placement_; }
  const ShardCoordinates& coordinates() const { return coordinates_; }
  const BucketLayout& layout() const { return layout_; }
  // Whether each rank owns a part of the group: not where every rank has or shares a frozen copy.
  bool owns_shard() const { return trainable_ || placement_ == Placement::kSharded; }
  // The whole group, [layout().num_elements()] in the compute type; undefined for kSharded.
  const at::Tensor& full() const { return full_; }
  // [layout().shard_elements()], undefined unless owns_shard(). In fp32 when trainable, else in the
  // compute type.
  const at::Tensor& shard() const { return shard_; }
  // The running gradient sum of use `use`, [layout().shard_elements()] fp32.
  at::Tensor& accumulator(int use) { return accumulators_[use]; }
  // Shares its memory with the group.
  TrainableShard trainable_shard();

  // Brings this rank's shard into a full copy of another type.
  void publish_shard();

  // Adds the accumulators of later uses to the first one and clears them.
  void finish_gradient();
  void zero_gradients();

  void add_memory_use(MemoryUse& use) const;

 private:
  void point_shard_into_full();
  at::Tensor shard_of_full() const;

  bool trainable_;
  Placement placement_;
  ShardCoordinates coordinates_;
  BucketLayout layout_;
  at::Tensor full_;
  at::Tensor shard_;
  std::vector<at::Tensor> accumulators_;  // by use
  at::Tensor adam_m_;
  at::Tensor adam_v_;
};

}  // namespace temper
