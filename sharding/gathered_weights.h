// The buffers that weights sharded over the ranks are gathered into while a stage runs. There are
// two, allocated once: even stages use one, odd stages the other, so that no more than two stages'
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
#include "sharding/weight_bucket.h"

namespace temper {

class GatheredWeights {
 public:
  // `buckets` is the model's list and outlives this.
  GatheredWeights(const ModelPlan& plan, const std::vector<WeightBucket>& buckets,
                  ProcessGroup& group, const ComputePlace& place);

  // Where the whole bucket lies while `stage` runs: in a buffer here, or its own full copy.
  at::Tensor whole_bucket(int64_t stage, int64_t bucket) const;

  // Gathers what `stage` uses and this rank does not hold whole. Collective.
  void gather(int64_t stage);
  // Begins to, into the buffer that the neighbouring stages do not use. The next gather is of this
  // stage, or finds it complete. Collective.
  void start_gather(int64_t stage);
  bool holds(int64_t stage) const;
  // The weights changed: nothing gathered is valid any more.
  void forget();

  int64_t buffer_bytes() const;
  int max_gathered_stages() const { return max_gathered_stages_; }

 private:
  struct Part {
    int64_t bucket = 0;
    int64_t offset = 0;  // in the stage's buffer
  };
  static constexpr int64_t kNone = -1;
  void finish_gather();

  const std::vector<WeightBucket>& buckets_;
  ProcessGroup& group_;
  std::vector<std::vector<Part>> parts_;  // by stage
  std::array<at::Tensor, 2> buffers_;
  std::array<int64_t, 2> gathered_stage_{kNone, kNone};
  int64_t pending_stage_ = kNone;
  std::vector<std::unique_ptr<PendingGather>> pending_;
  int max_gathered_stages_ = 0;
};

}  // namespace temper
