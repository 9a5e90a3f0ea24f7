#include "sharding/model_memory.h"

#include "common/log.h"

namespace temper {
namespace {

int64_t padded_elements(const ModelPlan& plan, bool trainable, int world_size) {
  int64_t total = 0;
  for (const PlannedBucket& bucket : plan.buckets) {
    if (bucket.trainable != trainable) continue;
    total += BucketLayout(bucket.parameters, world_size).num_elements();
  }
  return total;
}

bool everywhere(ProcessGroup& group, bool here) {
  at::Tensor missing = at::tensor({static_cast<int64_t>(!here)}, at::kLong);
  group.all_reduce_max(missing);
  return missing.item<int64_t>() == 0;
}

// One buffer for each replica; null, with a warning, when the memory is not there for all: messages
// do the same.
std::unique_ptr<SharedBuffer> try_shared_buffer(const DeviceMesh& mesh, int64_t num_elements) {
  std::unique_ptr<SharedBuffer> buffer;
  try {
    buffer = mesh.shard().make_shared_buffer(num_elements);
  } catch (const SharedMemoryError& error) {
    log::warning("each rank gathers the trainable weights for itself: {}", error.what());
  }
  if (!everywhere(mesh.world(), buffer != nullptr)) buffer.reset();
  return buffer;
}

// A base that cannot be shared is copied.
BucketHome home_of_frozen(const ShardingOptions& options, const ComputePlace& place) {
  const BucketHome home = frozen_home(options.frozen_placement);
  return home == BucketHome::kNodeShared && !place.can_share_weights() ? BucketHome::kReplicated
                                                                       : home;
}

}  // namespace

ModelMemory::ModelMemory(const ModelPlan& plan, const DeviceMesh& mesh,
                         const ShardingOptions& options, const ComputePlace& place)
    : mesh_(mesh) {
  ProcessGroup& shard = mesh.shard();
  const int64_t frozen_elements = padded_elements(plan, false, 1);
  if (home_of_frozen(options, place) == BucketHome::kNodeShared && frozen_elements > 0) {
    // Replicas of one node share it, too.
    shared_frozen_ = mesh.world().make_shared_buffer(frozen_elements);
  }
  // After what has no substitute.
  const bool shares = options.share_memory && place.can_share_weights();
  if (shares && everywhere(mesh.world(), shard.node_size() == shard.size())) {
    shared_trainable_ = try_shared_buffer(mesh, padded_elements(plan, true, shard.size()));
  }
  make_buckets(plan, trainable_home(plan, options, shared_trainable_ != nullptr),
               home_of_frozen(options, place), place);
}

void ModelMemory::make_buckets(const ModelPlan& plan, BucketHome of_trainable, BucketHome of_frozen,
                               const ComputePlace& compute_place) {
  const WeightBucket::Place place{mesh_.shard().rank(), mesh_.shard().size(),
                                  mesh_.world().node_rank(), mesh_.world().node_size(),
                                  compute_place};
  buckets_.reserve(plan.buckets.size());
  for (const PlannedBucket& bucket : plan.buckets) {
    buckets_.emplace_back(bucket, bucket.trainable ? of_trainable : of_frozen, place);
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
  ProcessGroup& shard = mesh_.shard();
  // Frozen weights that a node shares were written by all its ranks, whatever their replica.
  if (shared_frozen_ || !shared_trainable_) mesh_.world().barrier();
  if (shared_trainable_) {
    at::Tensor whole = shared_trainable_->tensor();
    shard.all_gather_in_place(whole);
  }
  for (WeightBucket& bucket : buckets_) {
    if (bucket.home() != BucketHome::kGathered) continue;
    bucket.publish_shard();
    at::Tensor full = bucket.full();
    shard.all_gather_in_place(full);
  }
}

}  // namespace temper
