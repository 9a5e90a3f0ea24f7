// All parameter groups of a model with the memory they live in. Decides each group's placement.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "arch/layout/model_plan.h"
#include "comm/device_mesh.h"
#include "comm/process_group.h"
#include "sharding/parameter_group.h"

namespace temper {

class ParameterMemory {
 public:
  // Collective.
  ParameterMemory(const ModelPlan& plan, const DeviceMesh& mesh, const ShardingOptions& options,
                  const ComputeDevice& compute);

  std::vector<ParameterGroup>& groups() { return groups_; }
  const std::vector<ParameterGroup>& groups() const { return groups_; }

  // Makes what the ranks wrote to their own parts known to all: full copies are gathered again, and
  // shared ones are complete when this returns. Collective.
  void synchronise();

  // All ranks read the same trainable weights, so none may write before all have read.
  bool shares_trainable_weights() const { return shared_trainable_ != nullptr; }

 private:
  void make_groups(const ModelPlan& plan, Placement trainable, Placement frozen,
                   const ComputeDevice& compute);
  void hand_out(const at::Tensor& memory, bool trainable);

  const DeviceMesh& mesh_;
  std::unique_ptr<SharedBuffer> shared_trainable_;
  std::unique_ptr<SharedBuffer> shared_frozen_;
  std::vector<ParameterGroup> groups_;
};

}  // namespace temper
