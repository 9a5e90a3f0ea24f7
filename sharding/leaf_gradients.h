// The buffer that a stage's backward writes one micro-batch's gradients into, and their fold into
// the owners' accumulators: within a replica in rank order, from replica to replica as a chain. One
// buffer serves all stages, one after the other; it lies in memory that the node's ranks can read,
// so that folding copies nothing.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "arch/layout/model_plan.h"
#include "comm/device_mesh.h"
#include "comm/process_group.h"
#include "sharding/weight_bucket.h"

namespace temper {

class LeafGradients {
 public:
  // `buckets` is the model's list and outlives this. Collective.
  LeafGradients(const ModelPlan& plan, std::vector<WeightBucket>& buckets, const DeviceMesh& mesh,
                const ShardingOptions& options, const ComputePlace& place);

  // Where the gradient of a bucket goes in a backward of `stage`, [layout().num_elements()];
  // undefined when the bucket is frozen.
  at::Tensor whole_bucket(int64_t stage, int64_t bucket) const;

  // Zeroes what the stage's backward does not write: padding, and parameters of another stage's
  // bucket that this stage does not use.
  void clear_gaps(int64_t stage);

  // Adds the ranks' gradients of `stage` to the owners' accumulators; world ranks below
  // num_contributors have one. Collective over the mesh's world, as the two below.
  void fold(int64_t stage, int num_contributors);
  // All stages of a round of micro-batches were folded.
  void end_round() { ++num_rounds_; }
  // Afterwards the accumulators of all replicas hold the whole step's sums.
  void finish_step();

  int64_t buffer_bytes() const;

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
    at::Tensor sum;  // of this rank's micro-batches of the step, when they are reduced once
  };
  void fold_part(int64_t stage, const Part& part, int num_contributors);
  static std::vector<Run> find_gaps(const PlannedStage& stage, int64_t bucket,
                                    const BucketLayout& layout);

  std::vector<WeightBucket>& buckets_;
  const DeviceMesh& mesh_;
  bool reduce_once_;
  int64_t num_rounds_ = 0;                // of this step
  int max_contributors_ = 0;              // of its rounds
  std::vector<std::vector<Part>> parts_;  // by stage
  std::unique_ptr<PeerBuffers> shared_;   // null when the buffer is private
  at::Tensor buffer_;
};

}  // namespace temper
