#include "sharding/model_memory.h"

#include "common/log.h"

namespace temper {
namespace {

// Adapters are so much smaller than their base that every rank keeps all of them.
constexpr int64_t kAdapterFraction = 4;

bool trains_adapters(const ModelPlan& plan) {
  return plan.num_elements(true) * kAdapterFraction < plan.num_elements(false);
}

int64_t padded_elements(const ModelPlan& plan, bool trainable, int world_size) {
  int64_t total = 0;
  for (const PlannedBucket& bucket : plan.buckets) {
    if (bucket.trainable != trainable) continue;
    total += BucketLayout(bucket.parameters, world_size).num_elements();
  }
  return total;
}

// Null, with a warning, when the memory is not there: messages do the same.
std::unique_ptr<SharedBuffer> try_shared_buffer(ProcessGroup& group, int64_t num_elements) {
  try {
    return group.make_shared_buffer(num_elements);
  } catch (const SharedMemoryError& error) {
    log::warning("each rank gathers the trainable weights for itself: {}", error.what());
    return nullptr;
  }
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

}  // namespace

ModelMemory::ModelMemory(const ModelPlan& plan, ProcessGroup& group, const ShardingOptions& options)
    : group_(group) {
  const int64_t frozen_elements = padded_elements(plan, false, 1);
  if (options.frozen_placement == FrozenPlacement::kNodeShared && frozen_elements > 0) {
    shared_frozen_ = group.make_shared_buffer(frozen_elements);
  }
  // After what has no substitute.
  if (options.share_memory && group.node_size() == group.size()) {
    shared_trainable_ = try_shared_buffer(group, padded_elements(plan, true, group.size()));
  }
  BucketHome trainable_home = BucketHome::kShard;
  if (shared_trainable_) {
    trainable_home = BucketHome::kNodeShared;
  } else if (trains_adapters(plan)) {
    trainable_home = BucketHome::kGathered;
  }
  make_buckets(plan, trainable_home, frozen_home(options.frozen_placement));
}

void ModelMemory::make_buckets(const ModelPlan& plan, BucketHome trainable_home,
                               BucketHome frozen_home) {
  const WeightBucket::Place place{group_.rank(), group_.size(), group_.node_rank(),
                                  group_.node_size()};
  buckets_.reserve(plan.buckets.size());
  for (const PlannedBucket& bucket : plan.buckets) {
    buckets_.emplace_back(bucket, bucket.trainable ? trainable_home : frozen_home, place);
  }
  if (shared_trainable_) place_in(shared_trainable_->tensor(), true);
  if (shared_frozen_) place_in(shared_frozen_->tensor(), false);
}

void ModelMemory::place_in(const at::Tensor& memory, bool trainable) {
  int64_t begin = 0;
  for (WeightBucket& bucket : buckets_) {
    if (bucket.trainable() != trainable) continue;
    const int64_t count = bucket.layout().num_elements();
    bucket.set_shared_memory(memory.narrow(0, begin, count));
    begin += count;
  }
}

void ModelMemory::synchronise() {
  if (shared_trainable_) {
    at::Tensor whole = shared_trainable_->tensor();
    group_.all_gather_in_place(whole);
  } else {
    group_.barrier();
  }
  for (const WeightBucket& bucket : buckets_) {
    if (bucket.home() != BucketHome::kGathered) continue;
    at::Tensor full = bucket.full();
    group_.all_gather_in_place(full);
  }
}

}  // namespace temper
