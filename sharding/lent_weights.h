// The weights lent to one stage while it runs, as views into buffers that are allocated once; so
// the views are made once, too.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

#include "arch/layout/model_plan.h"
#include "sharding/unsharded_gradients.h"
#include "sharding/unsharded_parameters.h"
#include "stage/stage.h"

namespace temper {

class LentWeights : public WeightSlots {
 public:
  LentWeights(int64_t stage, const PlannedStage& plan, const std::vector<ParameterGroup>& groups,
              const UnshardedParameters& parameters, const UnshardedGradients& gradients);

  // A stage that asks while nothing is lent, or after its buffer went to another stage, is a bug.
  at::Tensor weight(int64_t slot) const override;
  at::Tensor gradient(int64_t slot) const override;

  // Lends for the lifetime of the object: one call of forward or backward.
  class Loan {
   public:
    explicit Loan(LentWeights& weights) : weights_(weights) { weights_.lent_ = true; }
    ~Loan() { weights_.lent_ = false; }
    Loan(const Loan&) = delete;
    Loan& operator=(const Loan&) = delete;

   private:
    LentWeights& weights_;
  };

 private:
  int64_t stage_;
  const UnshardedParameters& parameters_;
  std::vector<at::Tensor> weights_;    // by slot
  std::vector<at::Tensor> gradients_;  // by slot; undefined when frozen
  bool lent_ = false;
};

}  // namespace temper
