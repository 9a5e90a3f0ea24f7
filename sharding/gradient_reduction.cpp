#include "sharding/gradient_reduction.h"

#include <algorithm>

namespace temper {

GradientReducer::GradientReducer(const ModelPlan& plan, std::vector<ParameterGroup>& groups,
                                 const UnshardedGradients& gradients, const DeviceMesh& mesh,
                                 bool reduce_once_per_step)
    : groups_(groups), gradients_(gradients), mesh_(mesh), reduce_once_(reduce_once_per_step) {
  for (size_t stage = 0; stage < plan.stages.size(); ++stage) {
    std::vector<Part>& parts = parts_.emplace_back();
    for (const GroupUse& use : plan.stages[stage].uses) {
      if (!groups[use.group].trainable()) continue;
      parts.push_back({use.group, use.use, {}});
      if (!reduce_once_) continue;
      parts.back().sum =
          at::zeros_like(gradients.whole_group(static_cast<int64_t>(stage), use.group));
    }
  }
}

void GradientReducer::reduce(int64_t stage, int active_ranks) {
  max_active_ranks_ = std::max(max_active_ranks_, active_ranks);
  const bool is_active = mesh_.world().rank() < active_ranks;
  for (Part& part : parts_[stage]) {
    const at::Tensor gradient = gradients_.whole_group(stage, part.group);
    if (!reduce_once_) {
      reduce_part(part, gradient, active_ranks);
    } else if (is_active) {
      part.sum.add_(gradient);
    }
  }
}

// The bits are those of one rank only if micro-batch m is added after m - 1. So the accumulator
// travels: each replica adds its ranks' gradients to what the replica before it hands on, and from
// the second round on replica 0 begins with what the last replica has from the round before.
void GradientReducer::reduce_part(const Part& part, const at::Tensor& gradient, int active_ranks) {
  at::Tensor& accumulator = groups_[part.group].accumulator(part.use);
  const int last = mesh_.num_replicas() - 1, replica = mesh_.replica();
  const bool continues = num_rounds_ > 0;
  if (last > 0) {
    if (continues && replica == last) mesh_.replicate().send(accumulator, 0);
    if (continues && replica == 0) mesh_.replicate().receive(accumulator, last);
    if (replica > 0) mesh_.replicate().receive(accumulator, replica - 1);
  }
  const int size = mesh_.shard().size();
  mesh_.shard().reduce_scatter(gradient, accumulator,
                               std::clamp(active_ranks - replica * size, 0, size));
  if (replica < last) mesh_.replicate().send(accumulator, replica + 1);
}

void GradientReducer::finish_step() {
  if (reduce_once_) reduce_sums();
  num_rounds_ = 0;
  max_active_ranks_ = 0;
  if (mesh_.num_replicas() > 1) share_with_replicas();
}

// One round stands for the whole step: the chain begins at replica 0 with empty accumulators. The
// sums pass through the stage's buffer, because the node's ranks read gradients there.
void GradientReducer::reduce_sums() {
  num_rounds_ = 0;
  for (int64_t stage = 0; stage < std::ssize(parts_); ++stage) {
    for (Part& part : parts_[stage]) {
      at::Tensor gradient = gradients_.whole_group(stage, part.group);
      gradient.copy_(part.sum);
      part.sum.zero_();
      reduce_part(part, gradient, max_active_ranks_);
    }
  }
}

void GradientReducer::share_with_replicas() {
  for (const std::vector<Part>& parts : parts_) {
    for (const Part& part : parts) {
      mesh_.replicate().broadcast(groups_[part.group].accumulator(part.use),
                                  mesh_.num_replicas() - 1);
    }
  }
}

int64_t GradientReducer::sum_bytes() const {
  int64_t bytes = 0;
  for (const std::vector<Part>& parts : parts_) {
    for (const Part& part : parts) {
      if (part.sum.defined()) bytes += static_cast<int64_t>(part.sum.nbytes());
    }
  }
  return bytes;
}

}  // namespace temper
