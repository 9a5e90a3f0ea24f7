// Lays out the parameters of one group as one flat, evenly sharded buffer, a bucket.
//
// The parameters of one bucket are laid back to back, each starting at a multiple of
// kShardAlignment elements; the buffer is padded to world_size equal shards, each a multiple of
// kShardAlignment. Rank r owns elements [r x shard, (r + 1) x shard). So a gather is one in-place
// all-gather without copies, a shard is one contiguous run of memory for the optimizer, and every
// rank's share is equal to within 1 KiB whatever the parameters' shapes. A parameter's offset does
// not depend on the number of ranks, which makes chunk-wise sums and hashes the same on any.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace temper {

inline constexpr int64_t kShardAlignment = 256;  // elements: 1 KiB of fp32

struct BucketParameter {
  std::string name;
  std::vector<int64_t> shape;
  int64_t num_elements = 0;
  int64_t offset = 0;  // in the bucket, in elements
};

// The part of a parameter that lies in a shard.
struct ShardPiece {
  int64_t parameter = 0;        // index into BucketLayout::parameters()
  int64_t parameter_begin = 0;  // first element, counted within the parameter
  int64_t count = 0;
  int64_t shard_offset = 0;  // where it lies in the shard
};

class BucketLayout {
 public:
  // `parameters` need name and shape; the rest is computed.
  BucketLayout(std::vector<BucketParameter> parameters, int world_size);

  const std::vector<BucketParameter>& parameters() const { return parameters_; }
  int world_size() const { return world_size_; }
  int64_t num_elements() const { return shard_elements_ * world_size_; }  // padding included
  int64_t shard_elements() const { return shard_elements_; }
  std::vector<ShardPiece> pieces(int rank) const;
  // The pieces of any run of elements [begin, end); shard_offset counts from `begin`.
  std::vector<ShardPiece> pieces_between(int64_t begin, int64_t end) const;

 private:
  std::vector<BucketParameter> parameters_;
  int world_size_;
  int64_t shard_elements_ = 0;
};

}  // namespace temper
