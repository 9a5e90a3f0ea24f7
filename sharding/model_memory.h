// All buckets of a model with the memory they live in: decides each bucket's home.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "arch/layout/model_plan.h"
#include "comm/device_mesh.h"
#include "comm/process_group.h"
#include "sharding/sharded_model.h"
#include "sharding/weight_bucket.h"

namespace temper {

class ModelMemory {
 public:
  // Collective.
  ModelMemory(const ModelPlan& plan, const DeviceMesh& mesh, const ShardingOptions& options,
              const ComputePlace& place);

  std::vector<WeightBucket>& buckets() { return buckets_; }

  // Makes what the ranks wrote to their own parts known to all: full copies are gathered again, and
  // shared ones are complete when this returns. Collective.
  void synchronise();

  // All ranks read the same trainable weights, so none may write before all have read.
  bool shares_trainable_weights() const { return shared_trainable_ != nullptr; }

 private:
  void make_buckets(const ModelPlan& plan, BucketHome of_trainable, BucketHome of_frozen,
                    const ComputePlace& compute_place);
  void place_in(const at::Tensor& memory, bool trainable);

  const DeviceMesh& mesh_;
  std::unique_ptr<SharedBuffer> shared_trainable_;
  std::unique_ptr<SharedBuffer> shared_frozen_;
  std::vector<WeightBucket> buckets_;
};

}  // namespace temper
