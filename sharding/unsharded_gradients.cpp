#include "sharding/unsharded_gradients.h"

#include <algorithm>

#include "common/log.h"

namespace temper {

UnshardedGradients::UnshardedGradients(const ModelPlan& plan,
                                       const std::vector<ParameterGroup>& groups,
                                       ProcessGroup& shard, const ShardingOptions& options,
                                       const ComputeDevice& compute)
    : groups_(groups) {
  int64_t size = 0;
  for (const PlannedStage& stage : plan.stages) {
    int64_t end = 0;
    std::vector<Part>& parts = parts_.emplace_back();
    for (const GroupUse& use : stage.uses) {
      if (!groups[use.group].trainable()) continue;
      const BucketLayout& layout = groups[use.group].layout();
      parts.push_back({use.group, end, find_gaps(stage, use.group, layout)});
      end += layout.num_elements();
    }
    size = std::max(size, end);
  }
  allocate(size, shard, options.share_memory, compute);
}

void UnshardedGradients::allocate(int64_t num_elements, ProcessGroup& shard, bool share_memory,
                                  const ComputeDevice& compute) {
  if (share_memory && compute.is_host()) {
    try {
      shared_ = shard.make_peer_buffers(num_elements);
    } catch (const SharedMemoryError& error) {
      log::warning("the ranks of a node do not read each other's gradients in place: {}",
                   error.what());
    }
  }
  buffer_ = shared_
                ? shared_->mine()
                : at::zeros({num_elements}, at::TensorOptions(compute.device).dtype(at::kFloat));
}

// The parameters that the stage writes, in the order of their offsets; whatever lies between two of
// them, or after the last one, is a gap.
std::vector<UnshardedGradients::Run> UnshardedGradients::find_gaps(const PlannedStage& stage,
                                                                   int64_t group,
                                                                   const BucketLayout& layout) {
  std::vector<Run> written;
  for (const ParameterRef& slot : stage.slots) {
    if (slot.group != group) continue;
    const BucketParameter& parameter = layout.parameters()[slot.parameter];
    written.push_back({parameter.offset, parameter.num_elements});
  }
  std::sort(written.begin(), written.end(),
            [](const Run& a, const Run& b) { return a.begin < b.begin; });
  written.push_back({layout.num_elements(), 0});
  std::vector<Run> gaps;
  int64_t end = 0;
  for (const Run& run : written) {
    if (run.begin > end) gaps.push_back({end, run.begin - end});
    end = std::max(end, run.begin + run.count);
  }
  return gaps;
}

at::Tensor UnshardedGradients::whole_group(int64_t stage, int64_t group) const {
  for (const Part& part : parts_[stage]) {
    if (part.group != group) continue;
    return buffer_.narrow(0, part.offset, groups_[group].layout().num_elements());
  }
  return {};
}

void UnshardedGradients::clear_gaps(int64_t stage) {
  for (const Part& part : parts_[stage]) {
    for (const Run& gap : part.gaps) {
      buffer_.narrow(0, part.offset + gap.begin, gap.count).zero_();
    }
  }
}

}  // namespace temper
