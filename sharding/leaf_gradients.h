// The buffer that a stage's backward writes one micro-batch's gradients into, and their fold into
// the owners' accumulators. One buffer serves all stages, one after the other; it lies in memory
// that the node's ranks can read, so that folding copies nothing.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "comm/process_group.h"
#include "sharding/model_plan.h"
#include "sharding/weight_bucket.h"

namespace temper {

class LeafGradients {
 public:
  // `buckets` is the model's list and outlives this. Collective.
  LeafGradients(const ModelPlan& plan, std::vector<WeightBucket>& buckets, ProcessGroup& group,
                bool share_memory);

  // Where the gradient of a bucket goes in a backward of `stage`, [layout().num_elements()];
  // undefined when the bucket is frozen.
  at::Tensor whole_bucket(int64_t stage, int64_t bucket) const;

  // Zeroes what the stage's backward does not write: padding, and parameters of another stage's
  // bucket that this stage does not use.
  void clear_gaps(int64_t stage);

  // Adds the ranks' gradients of `stage` to the owners' accumulators. Collective.
  void fold(int64_t stage, int num_contributors);

  int64_t buffer_bytes() const { return static_cast<int64_t>(buffer_.nbytes()); }

 private:
  struct Run {
    int64_t begin = 0;
    int64_t count = 0;
  };
  struct Part {
    int64_t bucket = 0;
    int use = 0;
    int64_t offset = 0;  // in the buffer
    std::vector<Run> gaps;
  };
  static std::vector<Run> find_gaps(const PlannedStage& stage, int64_t bucket,
                                    const BucketLayout& layout);

  std::vector<WeightBucket>& buckets_;
  ProcessGroup& group_;
  std::vector<std::vector<Part>> parts_;  // by stage
  std::unique_ptr<PeerBuffers> shared_;   // null when the buffer is private
  at::Tensor buffer_;
};

}  // namespace temper
