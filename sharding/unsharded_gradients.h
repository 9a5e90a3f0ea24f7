// The buffer that a stage's backward writes the gradients of one micro-batch into, whole. One
// buffer serves all stages, one after the other; it lies in memory that the node's ranks can read,
// so that reducing the gradients copies nothing.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "arch/layout/model_plan.h"
#include "arch/layout/sharding_options.h"
#include "comm/process_group.h"
#include "sharding/parameter_group.h"
#include "stage/compute_device.h"

namespace temper {

class UnshardedGradients {
 public:
  // `groups` is the model's list and outlives this. Collective over `shard`.
  UnshardedGradients(const ModelPlan& plan, const std::vector<ParameterGroup>& groups,
                     ProcessGroup& shard, const ShardingOptions& options,
                     const ComputeDevice& compute);

  // Where the gradient of a group goes in a backward of `stage`, [layout().num_elements()];
  // undefined when the group is frozen.
  at::Tensor whole_group(int64_t stage, int64_t group) const;

  // Zeroes what the stage's backward does not write: padding, and parameters of another stage's
  // group that this stage does not use.
  void clear_gaps(int64_t stage);

  int64_t buffer_bytes() const { return static_cast<int64_t>(buffer_.nbytes()); }

 private:
  struct Run {
    int64_t begin = 0;
    int64_t count = 0;
  };
  struct Part {
    int64_t group = 0;
    int64_t offset = 0;  // in the buffer
    std::vector<Run> gaps;
  };
  void allocate(int64_t num_elements, ProcessGroup& shard, bool share_memory,
                const ComputeDevice& compute);
  static std::vector<Run> find_gaps(const PlannedStage& stage, int64_t group,
                                    const BucketLayout& layout);

  const std::vector<ParameterGroup>& groups_;
  std::vector<std::vector<Part>> parts_;  // by stage
  std::unique_ptr<PeerBuffers> shared_;   // null when the buffer is private
  at::Tensor buffer_;
};

}  // namespace temper
