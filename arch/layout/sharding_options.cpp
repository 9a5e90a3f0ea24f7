#include "arch/layout/sharding_options.h"

namespace temper {
namespace {

// Adapters are so much smaller than their base that every rank keeps all of them.
constexpr int64_t kAdapterFraction = 4;

bool trains_adapters(const ModelPlan& plan) {
  return plan.num_elements(true) * kAdapterFraction < plan.num_elements(false);
}

}  // namespace

Placement trainable_placement(const ModelPlan& plan, const ShardingOptions& options,
                              bool one_copy) {
  if (one_copy) return Placement::kNodeShared;
  return trains_adapters(plan) || !options.reshard_after_forward ? Placement::kUnsharded
                                                                 : Placement::kSharded;
}

BucketLayout group_layout(const PlannedGroup& group, Placement placement, int shard_size) {
  const bool has_owners = group.trainable || placement == Placement::kSharded;
  return BucketLayout(group.parameters, has_owners ? shard_size : 1);
}

}  // namespace temper
