// The norm of the whole gradient, independent of how the groups are sharded.
#pragma once

#include <ATen/ATen.h>

#include <vector>

#include "comm/process_group.h"
#include "sharding/exact_sum.h"
#include "sharding/parameter_group.h"

namespace temper {

// Adds the squares of `values` (a multiple of kShardAlignment of them, fp32) to `sum`: chunks of
// kernels/square_sums.h in fp64 in a fixed order, then exactly. The same chunks come up on any
// number of ranks, so the total has the same bits.
void add_squares(const at::Tensor& values, ExactSum& sum);

// L2 norm of the accumulated gradients of all ranks' shards; NaN when any entry is NaN or infinite.
// Collective over `shard`.
double grad_norm(const std::vector<TrainableShard>& shards, ProcessGroup& shard);

}  // namespace temper
