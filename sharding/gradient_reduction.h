// Adds the ranks' unsharded gradients to the accumulators of the shards' owners: within a replica
// by an ordered reduce-scatter, from replica to replica as a chain. Either in every round of
// micro-batches, which gives the same bits on any number of ranks, or once a step.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

#include "arch/layout/model_plan.h"
#include "comm/device_mesh.h"
#include "sharding/parameter_group.h"
#include "sharding/unsharded_gradients.h"

namespace temper {

class GradientReducer {
 public:
  // Everything that is referred to outlives this.
  GradientReducer(const ModelPlan& plan, std::vector<ParameterGroup>& groups,
                  const UnshardedGradients& gradients, const DeviceMesh& mesh,
                  bool reduce_once_per_step);

  // Adds the ranks' gradients of `stage` to the owners' accumulators, or to this rank's own sums
  // when they are reduced once. World ranks below active_ranks have a gradient. Collective over the
  // mesh's world, as finish_step().
  void reduce(int64_t stage, int active_ranks);
  // All stages of a round of micro-batches were reduced.
  void end_round() { ++num_rounds_; }
  // Afterwards the accumulators of all replicas hold the whole step's sums.
  void finish_step();

  // Bytes of this rank's own sums.
  int64_t sum_bytes() const;

 private:
  struct Part {
    int64_t group = 0;
    int use = 0;
    at::Tensor sum;  // over this rank's micro-batches of the step, when they are reduced once
  };
  void reduce_part(const Part& part, const at::Tensor& gradient, int active_ranks);
  void reduce_sums();
  void share_with_replicas();

  std::vector<ParameterGroup>& groups_;
  const UnshardedGradients& gradients_;
  const DeviceMesh& mesh_;
  bool reduce_once_;
  int64_t num_rounds_ = 0;                // of this step
  int max_active_ranks_ = 0;              // of its rounds
  std::vector<std::vector<Part>> parts_;  // by stage
};

}  // namespace temper
