// The plan says which parameter of which group each stage's slots refer to: pure bookkeeping, no
// memory. Both what allocates a sharded model (sharding/) and what says beforehand how large it
// will be (arch/memory_plan.h) begin with it.
#pragma once

#include <cstdint>
#include <vector>

#include "arch/layout/bucket_layout.h"
#include "arch/layout/weight_slot.h"

namespace temper {

struct PlannedGroup {
  bool trainable = false;
  std::vector<BucketParameter> parameters;  // without offsets
  int num_uses = 0;                         // stages that use it
};

struct ParameterRef {
  int64_t group = 0;
  int64_t parameter = 0;
};

// One stage's use of one group.
struct GroupUse {
  int64_t group = 0;
  int use = 0;  // the number of its accumulator: so many earlier stages use the group
};

struct PlannedStage {
  std::vector<ParameterRef> slots;  // by slot of the stage
  std::vector<GroupUse> uses;       // in order of the stage's first slot in each
};

struct ModelPlan {
  std::vector<PlannedGroup> groups;
  std::vector<PlannedStage> stages;
  // The first stage with a trainable slot; the number of stages when there is none.
  int64_t first_trainable_stage = 0;

  int64_t num_elements(bool trainable) const;
};

// `stages`: the slots of each. Each stage gets a group for its trainable and one for its frozen
// slots. A slot whose name occurred before refers to the earlier parameter and must agree with it
// in shape and kind.
ModelPlan plan_model(const std::vector<std::vector<WeightSlot>>& stages);

}  // namespace temper
