// The buffers that sharded weights are all-gathered into while a stage runs. There are two,
// allocated once: even stages use one, odd stages the other, so that no more than two stages'
// weights ever exist whole, and a stage that is met again before its buffer was reused (at the turn
// from forward to backward, and from one micro-batch to the next) is not gathered again.
#pragma once

#include <ATen/ATen.h>

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "arch/layout/model_plan.h"
#include "comm/process_group.h"
#include "sharding/parameter_group.h"

namespace temper {

class UnshardedParameters {
 public:
  // `groups` is the model's list and outlives this.
  UnshardedParameters(const ModelPlan& plan, const std::vector<ParameterGroup>& groups,
                      ProcessGroup& shard, const ComputeDevice& compute);

  // Where the whole group lies while `stage` runs: in a buffer here, or its own full copy.
  at::Tensor whole_group(int64_t stage, int64_t group) const;

  // Gathers what `stage` uses and this rank does not hold whole. Collective.
  void unshard(int64_t stage);
  // Begins to, into the buffer that the neighbouring stages do not use. The next unshard is of this
  // stage, or finds it complete. Collective.
  void unshard_async(int64_t stage);
  // Whether the weights that `stage` uses are all there.
  bool holds(int64_t stage) const;
  // Gives up what was unsharded, because the weights have changed.
  void reshard();

  int64_t buffer_bytes() const;
  // Most stages that were unsharded at the same time so far.
  int max_unsharded_stages() const { return max_unsharded_stages_; }

 private:
  struct Part {
    int64_t group = 0;
    int64_t offset = 0;  // in the stage's buffer
  };
  static constexpr int64_t kNone = -1;
  void finish_unshard();

  const std::vector<ParameterGroup>& groups_;
  ProcessGroup& shard_;
  std::vector<std::vector<Part>> parts_;  // by stage
  std::array<at::Tensor, 2> buffers_;     // of even and of odd stages
  std::array<int64_t, 2> held_stage_{kNone, kNone};
  int64_t pending_stage_ = kNone;
  std::vector<std::unique_ptr<PendingGather>> pending_;
  int max_unsharded_stages_ = 0;
};

}  // namespace temper
