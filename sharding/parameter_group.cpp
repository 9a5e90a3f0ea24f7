#include "sharding/parameter_group.h"

#include "common/error.h"

namespace temper {

ParameterGroup::ParameterGroup(const PlannedGroup& plan, Placement placement,
                               const ShardCoordinates& coordinates, const ComputeDevice& compute)
    : trainable_(plan.trainable),
      placement_(placement),
      coordinates_(coordinates),
      layout_(group_layout(plan, placement, coordinates.num_ranks)) {
  const auto zeros = [&](int64_t elements, at::ScalarType type) {
    return at::zeros({elements}, at::TensorOptions(compute.device).dtype(type));
  };
  const auto new_shard = [&] { return zeros(layout_.shard_elements(), at::kFloat); };
  if (placement_ == Placement::kUnsharded || placement_ == Placement::kReplicated) {
    full_ = zeros(layout_.num_elements(), compute.type);
    point_shard_into_full();
  }
  if (placement_ == Placement::kSharded && !trainable_) {
    shard_ = zeros(layout_.shard_elements(), compute.type);
  }
  if (!trainable_) return;
  // Where the full copy is fp32 the shard is a part of it, so that AdamW writes what the stages
  // read; a bf16 copy needs fp32 master weights beside it. The node's copy comes later.
  if (placement_ != Placement::kNodeShared && !shard_.defined()) shard_ = new_shard();
  for (int use = 0; use < plan.num_uses; ++use) accumulators_.push_back(new_shard());
  adam_m_ = new_shard();
  adam_v_ = new_shard();
}

void ParameterGroup::set_shared_memory(const at::Tensor& full) {
  TEMPER_CHECK(placement_ == Placement::kNodeShared && full.numel() == layout_.num_elements());
  full_ = full;
  point_shard_into_full();
}

void ParameterGroup::point_shard_into_full() {
  if (owns_shard() && full_.scalar_type() == at::kFloat) shard_ = shard_of_full();
}

at::Tensor ParameterGroup::shard_of_full() const {
  const int64_t count = layout_.shard_elements();
  return full_.narrow(0, coordinates_.rank * count, count);
}

TrainableShard ParameterGroup::trainable_shard() {
  return {&layout_, shard_, accumulators_.front(), adam_m_, adam_v_};
}

void ParameterGroup::publish_shard() {
  if (placement_ == Placement::kUnsharded && full_.scalar_type() != shard_.scalar_type()) {
    shard_of_full().copy_(shard_);
  }
}

void ParameterGroup::finish_gradient() {
  for (size_t use = 1; use < accumulators_.size(); ++use) {
    accumulators_[0].add_(accumulators_[use]);
    accumulators_[use].zero_();
  }
}

void ParameterGroup::zero_gradients() {
  for (at::Tensor& accumulator : accumulators_) accumulator.zero_();
}

void ParameterGroup::add_memory_use(MemoryUse& use) const {
  const auto bytes = [](const at::Tensor& tensor) {
    return tensor.defined() ? static_cast<int64_t>(tensor.nbytes()) : 0;
  };
  int64_t weights = bytes(full_.defined() ? full_ : shard_);
  // Master weights may stand beside a copy of another type.
  if (full_.defined() && shard_.defined() && !shard_.is_alias_of(full_)) weights += bytes(shard_);
  // Trainable weights are shared within a replica, frozen ones by all replicas of a node.
  if (placement_ == Placement::kNodeShared) {
    weights /= trainable_ ? coordinates_.num_ranks : coordinates_.node_size;
  }
  (trainable_ ? use.weight_bytes : use.frozen_bytes) += weights;
  for (const at::Tensor& accumulator : accumulators_) use.gradient_bytes += bytes(accumulator);
  use.optimizer_bytes += bytes(adam_m_) + bytes(adam_v_);
}

}  // namespace temper
