#include "sharding/unsharded_parameters.h"

#include <algorithm>

#include "common/error.h"

namespace temper {

UnshardedParameters::UnshardedParameters(const ModelPlan& plan,
                                         const std::vector<ParameterGroup>& groups,
                                         ProcessGroup& shard, const ComputeDevice& compute)
    : groups_(groups), shard_(shard) {
  std::array<int64_t, 2> sizes{0, 0};
  for (const PlannedStage& stage : plan.stages) {
    int64_t end = 0;
    std::vector<Part>& parts = parts_.emplace_back();
    for (const GroupUse& use : stage.uses) {
      if (groups[use.group].placement() != Placement::kSharded) continue;
      parts.push_back({use.group, end});
      end += groups[use.group].layout().num_elements();
    }
    int64_t& size = sizes[(parts_.size() - 1) % 2];
    size = std::max(size, end);
  }
  const auto kind = at::TensorOptions(compute.device).dtype(compute.type);
  for (size_t i = 0; i < sizes.size(); ++i) buffers_[i] = at::zeros({sizes[i]}, kind);
}

at::Tensor UnshardedParameters::whole_group(int64_t stage, int64_t group) const {
  for (const Part& part : parts_[stage]) {
    if (part.group != group) continue;
    return buffers_[stage % 2].narrow(0, part.offset, groups_[group].layout().num_elements());
  }
  return groups_[group].full();
}

void UnshardedParameters::unshard(int64_t stage) {
  if (holds(stage)) return;
  if (pending_stage_ != stage) unshard_async(stage);
  finish_unshard();
}

// At most one stage is under way: stages run one after the other, so the buffer of this stage's
// parity is the one that the stage now running does not use.
void UnshardedParameters::unshard_async(int64_t stage) {
  if (holds(stage) || pending_stage_ == stage) return;
  finish_unshard();
  for (const Part& part : parts_[stage]) {
    at::Tensor whole = whole_group(stage, part.group);
    const at::Tensor& shard = groups_[part.group].shard();
    // Master weights are rounded here, where another type computes.
    whole.narrow(0, shard_.rank() * shard.numel(), shard.numel()).copy_(shard);
    pending_.push_back(shard_.start_all_gather(whole));
  }
  held_stage_[stage % 2] = kNone;
  pending_stage_ = stage;
  const auto other = held_stage_[(stage + 1) % 2];
  max_unsharded_stages_ = std::max(max_unsharded_stages_, other == kNone ? 1 : 2);
}

void UnshardedParameters::finish_unshard() {
  if (pending_stage_ == kNone) return;
  for (const auto& gather : pending_) gather->wait();
  pending_.clear();
  held_stage_[pending_stage_ % 2] = pending_stage_;
  pending_stage_ = kNone;
}

bool UnshardedParameters::holds(int64_t stage) const {
  return parts_[stage].empty() || held_stage_[stage % 2] == stage;
}

void UnshardedParameters::reshard() {
  finish_unshard();
  held_stage_.fill(kNone);
}

int64_t UnshardedParameters::buffer_bytes() const {
  return static_cast<int64_t>(buffers_[0].nbytes() + buffers_[1].nbytes());
}

}  // namespace temper
