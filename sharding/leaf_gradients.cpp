#include "sharding/leaf_gradients.h"

#include <algorithm>
#include <cstring>

#include "common/log.h"

namespace temper {

LeafGradients::LeafGradients(const ModelPlan& plan, std::vector<WeightBucket>& buckets,
                             ProcessGroup& group, bool share_memory)
    : buckets_(buckets), group_(group) {
  int64_t size = 0;
  for (const PlannedStage& stage : plan.stages) {
    int64_t end = 0;
    std::vector<Part>& parts = parts_.emplace_back();
    for (const BucketUse& use : stage.uses) {
      if (!buckets[use.bucket].trainable()) continue;
      const BucketLayout& layout = buckets[use.bucket].layout();
      parts.push_back({use.bucket, use.use, end, find_gaps(stage, use.bucket, layout)});
      end += layout.num_elements();
    }
    size = std::max(size, end);
  }
  if (share_memory) {
    try {
      shared_ = group.make_peer_buffers(size);
    } catch (const SharedMemoryError& error) {
      log::warning("gradients are sent between the ranks of a node: {}", error.what());
    }
  }
  buffer_ = shared_ ? shared_->mine() : at::zeros({size}, at::kFloat);
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
    float* data = buffer_.data_ptr<float>() + part.offset;
    for (const Run& gap : part.gaps) {
      std::memset(data + gap.begin, 0, static_cast<size_t>(gap.count) * sizeof(float));
    }
  }
}

void LeafGradients::fold(int64_t stage, int num_contributors) {
  for (const Part& part : parts_[stage]) {
    group_.fold_scatter(whole_bucket(stage, part.bucket),
                        buckets_[part.bucket].accumulator(part.use), num_contributors);
  }
}

}  // namespace temper
