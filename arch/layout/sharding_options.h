// How a model's weights are spread over the ranks, as options, and what follows from them without
// any memory: shared by what allocates (sharding/) and what plans (arch/memory_plan.h).
#pragma once

#include <cstdint>

#include "arch/layout/model_plan.h"

namespace temper {

// Where the weights of a parameter group live between two uses.
enum class Placement {
  kSharded,     // each rank holds its shard, which is all-gathered for each use
  kUnsharded,   // each rank holds a full copy, which is all-gathered again after each update
  kNodeShared,  // the ranks of a node share one full copy
  kReplicated,  // each rank holds a full copy, which it reads from the files itself
};

struct ShardingOptions {
  // Frozen weights are node-shared, replicated or sharded; they are never kUnsharded.
  Placement frozen_placement = Placement::kNodeShared;
  // Copies of the sharded state: shard within a replica, replicate across (comm/device_mesh.h).
  int num_replicas = 1;
  // Recompute every n-th stage in backward, keeping only its input in forward. 0: none, 1: all.
  int64_t checkpoint_every = 0;
  // Free a stage's unsharded weights after its forward. Otherwise each rank keeps all weights whole
  // and all-gathers them once an update: more memory, a half to a third of the bytes.
  bool reshard_after_forward = true;
  // Begin to all-gather the next stage's weights before a stage runs.
  bool prefetch = true;
  // Add up a rank's gradients where they are computed and reduce them once a step: this costs one
  // whole copy of the gradients a rank, moves fewer bytes, and gives sums whose bits depend on the
  // number of ranks.
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

// `one_copy`: the ranks of a replica are on one node and share memory there.
Placement trainable_placement(const ModelPlan& plan, const ShardingOptions& options, bool one_copy);

// The flat layout of a group at its placement; sharded over `shard_size` ranks where each owns a
// part of it.
BucketLayout group_layout(const PlannedGroup& group, Placement placement, int shard_size);

}  // namespace temper
