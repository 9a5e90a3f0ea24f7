#include "arch/layout/sharding_options.h"

namespace temper {
namespace {

// Adapters are so much smaller than their base that every rank keeps all of them.
constexpr int64_t kAdapterFraction = 4;

bool trains_adapters(const ModelPlan& plan) {
  return plan.num_elements(true) * kAdapterFraction < plan.num_elements(false);
}

}  // namespace

BucketHome trainable_home(const ModelPlan& plan, const ShardingOptions& options, bool one_copy) {
  if (one_copy) return BucketHome::kNodeShared;
  return trains_adapters(plan) || !options.reshard_after_forward ? BucketHome::kGathered
                                                                 : BucketHome::kShard;
}

BucketHome frozen_home(FrozenPlacement placement) {
  switch (placement) {
    case FrozenPlacement::kNodeShared:
      return BucketHome::kNodeShared;
    case FrozenPlacement::kReplicated:
      return BucketHome::kReplicated;
    case FrozenPlacement::kSharded:
      return BucketHome::kShard;
  }
  return BucketHome::kNodeShared;
}

BucketLayout bucket_layout(const PlannedBucket& bucket, BucketHome home, int shard_size) {
  const bool has_owners = bucket.trainable || home == BucketHome::kShard;
  return BucketLayout(bucket.parameters, has_owners ? shard_size : 1);
}

}  // namespace temper
