#include "sharding/leaf_gradients.h"

#include <algorithm>

#include "common/log.h"

namespace temper {

LeafGradients::LeafGradients(const ModelPlan& plan, std::vector<WeightBucket>& buckets,
                             const DeviceMesh& mesh, const ShardingOptions& options,
                             const ComputePlace& place)
    : buckets_(buckets), mesh_(mesh), reduce_once_(options.reduce_once_per_step) {
  const auto zeros = [&](int64_t elements) {
    return at::zeros({elements}, at::TensorOptions(place.device).dtype(at::kFloat));
  };
  int64_t size = 0;
  for (const PlannedStage& stage : plan.stages) {
    int64_t end = 0;
    std::vector<Part>& parts = parts_.emplace_back();
    for (const BucketUse& use : stage.uses) {
      if (!buckets[use.bucket].trainable()) continue;
      const BucketLayout& layout = buckets[use.bucket].layout();
      parts.push_back({use.bucket, use.use, end, find_gaps(stage, use.bucket, layout), {}});
      if (reduce_once_) parts.back().sum = zeros(layout.num_elements());
      end += layout.num_elements();
    }
    size = std::max(size, end);
  }
  if (options.share_memory && place.is_host()) {
    try {
      shared_ = mesh.shard().make_peer_buffers(size);
    } catch (const SharedMemoryError& error) {
      log::warning("the ranks of a node do not read each other's gradients in place: {}",
                   error.what());
    }
  }
  buffer_ = shared_ ? shared_->mine() : zeros(size);
}

std::vector<LeafGradients::Run> LeafGradients::find_gaps(const PlannedStage& stage, int64_t bucket,
                                                         const BucketLayout& layout) {
  std::vector<Run> written;
  for (const SlotPlace& slot : stage.slots) {
    if (slot.bucket != bucket) continue;
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

at::Tensor LeafGradients::whole_bucket(int64_t stage, int64_t bucket) const {
  for (const Part& part : parts_[stage]) {
    if (part.bucket != bucket) continue;
    return buffer_.narrow(0, part.offset, buckets_[bucket].layout().num_elements());
  }
  return {};
}

void LeafGradients::clear_gaps(int64_t stage) {
  for (const Part& part : parts_[stage]) {
    for (const Run& gap : part.gaps) {
      buffer_.narrow(0, part.offset + gap.begin, gap.count).zero_();
    }
  }
}

void LeafGradients::fold(int64_t stage, int num_contributors) {
  max_contributors_ = std::max(max_contributors_, num_contributors);
  const bool contributes = mesh_.world().rank() < num_contributors;
  for (Part& part : parts_[stage]) {
    if (!reduce_once_) {
      fold_part(stage, part, num_contributors);
    } else if (contributes) {
      part.sum.add_(whole_bucket(stage, part.bucket));
    }
  }
}

// Replica 0 begins with what the last replica has from the round before.
void LeafGradients::fold_part(int64_t stage, const Part& part, int num_contributors) {
  at::Tensor& accumulator = buckets_[part.bucket].accumulator(part.use);
  const int last = mesh_.num_replicas() - 1, replica = mesh_.replica();
  const bool continues = num_rounds_ > 0;
  if (last > 0) {
    if (continues && replica == last) mesh_.replicate().send(accumulator, 0);
    if (continues && replica == 0) mesh_.replicate().receive(accumulator, last);
    if (replica > 0) mesh_.replicate().receive(accumulator, replica - 1);
  }
  const int size = mesh_.shard().size();
  mesh_.shard().fold_scatter(whole_bucket(stage, part.bucket), accumulator,
                             std::clamp(num_contributors - replica * size, 0, size));
  if (replica < last) mesh_.replicate().send(accumulator, replica + 1);
}

void LeafGradients::finish_step() {
  if (reduce_once_) {
    num_rounds_ = 0;
    for (int64_t stage = 0; stage < static_cast<int64_t>(parts_.size()); ++stage) {
      for (Part& part : parts_[stage]) {
        whole_bucket(stage, part.bucket).copy_(part.sum);
        part.sum.zero_();
        fold_part(stage, part, max_contributors_);
      }
    }
  }
  num_rounds_ = 0;
  max_contributors_ = 0;
  if (mesh_.num_replicas() == 1) return;
  for (const std::vector<Part>& parts : parts_) {
    for (const Part& part : parts) {
      mesh_.replicate().broadcast(buckets_[part.bucket].accumulator(part.use),
                                  mesh_.num_replicas() - 1);
    }
  }
}

int64_t LeafGradients::buffer_bytes() const {
  auto bytes = static_cast<int64_t>(buffer_.nbytes());
  for (const std::vector<Part>& parts : parts_) {
    for (const Part& part : parts) {
      if (part.sum.defined()) bytes += static_cast<int64_t>(part.sum.nbytes());
    }
  }
  return bytes;
}

}  // namespace temper
