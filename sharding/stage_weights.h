// The weights lent to one stage: views into buffers that are allocated once, so they are made once.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

#include "arch/layout/model_plan.h"
#include "sharding/gathered_weights.h"
#include "sharding/leaf_gradients.h"
#include "stage/stage.h"

namespace temper {

class StageWeights : public WeightSlots {
 public:
  StageWeights(int64_t stage, const PlannedStage& plan, const std::vector<WeightBucket>& buckets,
               const GatheredWeights& gathered, const LeafGradients& leaf);

  // A stage that asks while nothing is lent, or after its buffer went to another stage, is a bug.
  at::Tensor weight(int64_t slot) const override;
  at::Tensor gradient(int64_t slot) const override;

  // Lends for the lifetime of the object: one call of forward or backward.
  class Loan {
   public:
    explicit Loan(StageWeights& weights) : weights_(weights) { weights_.lent_ = true; }
    ~Loan() { weights_.lent_ = false; }
    Loan(const Loan&) = delete;
    Loan& operator=(const Loan&) = delete;

   private:
    StageWeights& weights_;
  };

 private:
  int64_t stage_;
  const GatheredWeights& gathered_;
  std::vector<at::Tensor> weights_;    // by slot
  std::vector<at::Tensor> gradients_;  // by slot; undefined when frozen
  bool lent_ = false;
};

}  // namespace temper
