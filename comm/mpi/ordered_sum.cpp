#include "comm/mpi/ordered_sum.h"

#include <ATen/Parallel.h>

#include <algorithm>

namespace temper {
namespace {

// Stays in the first-level cache while all parts are added to it.
constexpr int64_t kBlock = 2048;
constexpr int64_t kGrain = 64 * 1024;

}  // namespace

void add_in_order(float* accumulator, const std::vector<const float*>& parts, int64_t count) {
  at::parallel_for(0, count, kGrain, [&](int64_t begin, int64_t end) {
    for (int64_t block = begin; block < end; block += kBlock) {
      const int64_t block_end = std::min(end, block + kBlock);
      for (const float* part : parts) {
        for (int64_t i = block; i < block_end; ++i) accumulator[i] += part[i];
      }
    }
  });
}

}  // namespace temper
