// How a model's weights are spread over the ranks, as options, and what follows from them without
// any memory: shared by what allocates (sharding/) and what plans (arch/memory_plan.h).
#pragma once

#include <cstdint>

#include "arch/layout/model_plan.h"

namespace temper {

enum class FrozenPlacement { kNodeShared, kReplicated, kSharded };

struct ShardingOptions {
  FrozenPlacement frozen_placement = FrozenPlacement::kNodeShared;
  // Copies of the sharded state: shard within a replica, replicate across (comm/device_mesh.h).
  int num_replicas = 1;
  // Of every so many stages, one keeps only its input in forward and is computed again in backward.
  // 0: none, 1: all.
  int64_t checkpoint_every = 0;
  // Free a stage's gathered weights after its forward. Otherwise each rank keeps all weights whole
  // and gathers them once an update: more memory, a half to a third of the bytes.
  bool reshard_after_forward = true;
  // Begin to gather the next stage's weights before a stage runs.
  bool prefetch = true;
  // Add up a rank's gradients where they are computed and fold them once a step: one whole copy of
  // the gradients a rank more, fewer bytes, and sums whose bits depend on the number of ranks.
  bool reduce_once_per_step = false;
  // Let the ranks of a node read each other's gradients and, when all ranks are on one node, one
  // copy of the trainable weights. Without it, or when /dev/shm is too small, weights go by
  // messages and gradients by messages, or on one node through a little shared memory: slower, same
  // bits.
  bool share_memory = true;

  // Whether stage `stage` is computed again in backward; the last never is.
  bool recomputes(int64_t stage, int64_t num_stages) const {
    return checkpoint_every > 0 && stage % checkpoint_every == 0 && stage != num_stages - 1;
  }
};

// Where a bucket's weights live.
enum class BucketHome {
  kShard,       // this rank's shard only; gathered for each use
  kGathered,    // a full copy of this rank, gathered again after each change
  kNodeShared,  // one full copy per node
  kReplicated,  // a full copy of this rank, which it reads itself
};

// `one_copy`: the ranks of a replica are on one node and share memory there.
BucketHome trainable_home(const ModelPlan& plan, const ShardingOptions& options, bool one_copy);
BucketHome frozen_home(FrozenPlacement placement);

// A bucket as it is laid out in its home.
BucketLayout bucket_layout(const PlannedBucket& bucket, BucketHome home, int shard_size);

}  // namespace temper
