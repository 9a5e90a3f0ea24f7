#include "arch/layout/bucket_layout.h"

#include <algorithm>
#include <utility>

#include "common/error.h"

namespace temper {
namespace {

int64_t round_up(int64_t value, int64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

int64_t count_elements(const BucketParameter& parameter) {
  int64_t count = 1;
  for (const int64_t dim : parameter.shape) {
    const bool overflow = dim < 0 || __builtin_mul_overflow(count, dim, &count);
    TEMPER_CHECK(!overflow, "parameter {} has an impossible shape", parameter.name);
  }
  return count;
}

}  // namespace

BucketLayout::BucketLayout(std::vector<BucketParameter> parameters, int world_size)
    : parameters_(std::move(parameters)), world_size_(world_size) {
  TEMPER_CHECK(world_size >= 1, "world size {}", world_size);
  int64_t end = 0;
  for (BucketParameter& parameter : parameters_) {
    parameter.num_elements = count_elements(parameter);
    parameter.offset = end;
    end += round_up(parameter.num_elements, kShardAlignment);
  }
  shard_elements_ = round_up((end + world_size - 1) / world_size, kShardAlignment);
}

std::vector<ShardPiece> BucketLayout::pieces(int rank) const {
  TEMPER_CHECK(rank >= 0 && rank < world_size_, "rank {} of {}", rank, world_size_);
  return pieces_between(rank * shard_elements_, (rank + 1) * shard_elements_);
}

std::vector<ShardPiece> BucketLayout::pieces_between(int64_t begin, int64_t end) const {
  std::vector<ShardPiece> pieces;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    const BucketParameter& parameter = parameters_[i];
    const int64_t first = std::max(begin, parameter.offset);
    const int64_t last = std::min(end, parameter.offset + parameter.num_elements);
    if (first >= last) continue;
    pieces.push_back(
        {static_cast<int64_t>(i), first - parameter.offset, last - first, first - begin});
  }
  return pieces;
}

}  // namespace temper
