#include "sharding/gathered_weights.h"

#include <algorithm>

#include "common/error.h"

namespace temper {

GatheredWeights::GatheredWeights(const ModelPlan& plan, const std::vector<WeightBucket>& buckets,
                                 ProcessGroup& group, const ComputePlace& place)
    : buckets_(buckets), group_(group) {
  std::array<int64_t, 2> sizes{0, 0};
  for (const PlannedStage& stage : plan.stages) {
    int64_t end = 0;
    std::vector<Part>& parts = parts_.emplace_back();
    for (const BucketUse& use : stage.uses) {
      if (buckets[use.bucket].home() != BucketHome::kShard) continue;
      parts.push_back({use.bucket, end});
      end += buckets[use.bucket].layout().num_elements();
    }
    int64_t& size = sizes[(parts_.size() - 1) % 2];
    size = std::max(size, end);
  }
  const auto kind = at::TensorOptions(place.device).dtype(place.type);
  for (size_t i = 0; i < sizes.size(); ++i) buffers_[i] = at::zeros({sizes[i]}, kind);
}

at::Tensor GatheredWeights::whole_bucket(int64_t stage, int64_t bucket) const {
  for (const Part& part : parts_[stage]) {
    if (part.bucket != bucket) continue;
    return buffers_[stage % 2].narrow(0, part.offset, buckets_[bucket].layout().num_elements());
  }
  return buckets_[bucket].full();
}

void GatheredWeights::gather(int64_t stage) {
  if (holds(stage)) return;
  if (pending_stage_ != stage) start_gather(stage);
  finish_gather();
}

void GatheredWeights::start_gather(int64_t stage) {
  if (holds(stage) || pending_stage_ == stage) return;
  finish_gather();
  for (const Part& part : parts_[stage]) {
    at::Tensor whole = whole_bucket(stage, part.bucket);
    const at::Tensor& shard = buckets_[part.bucket].shard();
    // Master weights are rounded here, where another type computes.
    whole.narrow(0, group_.rank() * shard.numel(), shard.numel()).copy_(shard);
    pending_.push_back(group_.start_all_gather(whole));
  }
  gathered_stage_[stage % 2] = kNone;
  pending_stage_ = stage;
  const auto other = gathered_stage_[(stage + 1) % 2];
  max_gathered_stages_ = std::max(max_gathered_stages_, other == kNone ? 1 : 2);
}

void GatheredWeights::finish_gather() {
  if (pending_stage_ == kNone) return;
  for (const auto& gather : pending_) gather->wait();
  pending_.clear();
  gathered_stage_[pending_stage_ % 2] = pending_stage_;
  pending_stage_ = kNone;
}

bool GatheredWeights::holds(int64_t stage) const {
  return parts_[stage].empty() || gathered_stage_[stage % 2] == stage;
}

void GatheredWeights::forget() {
  finish_gather();
  gathered_stage_.fill(kNone);
}

int64_t GatheredWeights::buffer_bytes() const {
  return static_cast<int64_t>(buffers_[0].nbytes() + buffers_[1].nbytes());
}

}  // namespace temper
