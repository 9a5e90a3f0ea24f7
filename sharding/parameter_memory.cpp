#include "sharding/parameter_memory.h"

#include "common/log.h"

namespace temper {
namespace {

int64_t padded_elements(const ModelPlan& plan, bool trainable, int world_size) {
  int64_t total = 0;
  for (const PlannedGroup& group : plan.groups) {
    if (group.trainable != trainable) continue;
    total += BucketLayout(group.parameters, world_size).num_elements();
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
Placement possible_frozen_placement(const ShardingOptions& options, const ComputeDevice& compute) {
  const bool must_copy =
      options.frozen_placement == Placement::kNodeShared && !compute.can_share_weights();
  return must_copy ? Placement::kReplicated : options.frozen_placement;
}

}  // namespace

ParameterMemory::ParameterMemory(const ModelPlan& plan, const DeviceMesh& mesh,
                                 const ShardingOptions& options, const ComputeDevice& compute)
    : mesh_(mesh) {
  ProcessGroup& shard = mesh.shard();
  const Placement frozen = possible_frozen_placement(options, compute);
  const int64_t frozen_elements = padded_elements(plan, false, 1);
  if (frozen == Placement::kNodeShared && frozen_elements > 0) {
    // Replicas of one node share it, too.
    shared_frozen_ = mesh.world().make_shared_buffer(frozen_elements);
  }
  // The base has no substitute, the trainable weights have one (messages): so the base comes first.
  const bool shares = options.share_memory && compute.can_share_weights();
  if (shares && everywhere(mesh.world(), shard.node_size() == shard.size())) {
    shared_trainable_ = try_shared_buffer(mesh, padded_elements(plan, true, shard.size()));
  }
  make_groups(plan, trainable_placement(plan, options, shared_trainable_ != nullptr), frozen,
              compute);
}

void ParameterMemory::make_groups(const ModelPlan& plan, Placement trainable, Placement frozen,
                                  const ComputeDevice& compute) {
  const ShardCoordinates coordinates{mesh_.shard().rank(), mesh_.shard().size(),
                                     mesh_.world().node_rank(), mesh_.world().node_size()};
  groups_.reserve(plan.groups.size());
  for (const PlannedGroup& group : plan.groups) {
    groups_.emplace_back(group, group.trainable ? trainable : frozen, coordinates, compute);
  }
  if (shared_trainable_) hand_out(shared_trainable_->tensor(), true);
  if (shared_frozen_) hand_out(shared_frozen_->tensor(), false);
}

void ParameterMemory::hand_out(const at::Tensor& memory, bool trainable) {
  int64_t begin = 0;
  for (ParameterGroup& group : groups_) {
    if (group.trainable() != trainable) continue;
    const int64_t count = group.layout().num_elements();
    group.set_shared_memory(memory.narrow(0, begin, count));
    begin += count;
  }
}

void ParameterMemory::synchronise() {
  ProcessGroup& shard = mesh_.shard();
  // Frozen weights that a node shares were written by all its ranks, whatever their replica.
  if (shared_frozen_ || !shared_trainable_) mesh_.world().barrier();
  if (shared_trainable_) {
    at::Tensor whole = shared_trainable_->tensor();
    shard.all_gather_in_place(whole);
  }
  for (ParameterGroup& group : groups_) {
    if (group.placement() != Placement::kUnsharded) continue;
    group.publish_shard();
    at::Tensor full = group.full();
    shard.all_gather_in_place(full);
  }
}

}  // namespace temper
