// The sum of squares behind the gradient norm, independent of how a bucket is sharded.
#pragma once

#include <ATen/ATen.h>

#include "common/exact_sum.h"

namespace temper {

// Adds the squares of `values` (a multiple of kShardAlignment of them, fp32) to `sum`: chunks of
// kernels/square_sums.h in fp64 in a fixed order, then exactly. The same chunks come up on any
// number of ranks, so the total has the same bits.
void add_squares(const at::Tensor& values, ExactSum& sum);

}  // namespace temper
