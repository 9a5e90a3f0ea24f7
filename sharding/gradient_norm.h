// The sum of squares behind the gradient norm, independent of how a bucket is sharded.
#pragma once

#include <cstdint>

#include "common/exact_sum.h"

namespace temper {

// Adds the squares of `count` values (a multiple of kShardAlignment) to `sum`: chunks of
// kShardAlignment values in fp64 in a fixed order, then exactly. The same chunks come up on any
// number of ranks, so the total has the same bits. Runs in parallel.
void add_squares(const float* values, int64_t count, ExactSum& sum);

}  // namespace temper
