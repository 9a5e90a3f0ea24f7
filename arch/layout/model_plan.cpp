#include "arch/layout/model_plan.h"

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <numeric>
#include <string>
#include <utility>

#include "common/error.h"

namespace temper {
namespace {

class Planner {
 public:
  void add_stage(const std::vector<WeightSlot>& slots) {
    plan_.stages.emplace_back();
    own_group_.fill(kNone);
    for (const WeightSlot& slot : slots) {
      const auto known = known_.find(slot.name);
      const ParameterRef reference = known != known_.end() ? known->second : add_parameter(slot);
      check_same(slot, reference);
      plan_.stages.back().slots.push_back(reference);
      add_use(reference.group);
    }
  }

  ModelPlan take() {
    const auto is_trainable = [this](const PlannedStage& stage) {
      return std::any_of(stage.uses.begin(), stage.uses.end(),
                         [this](const GroupUse& use) { return plan_.groups[use.group].trainable; });
    };
    plan_.first_trainable_stage =
        std::find_if(plan_.stages.begin(), plan_.stages.end(), is_trainable) - plan_.stages.begin();
    return std::move(plan_);
  }

 private:
  static constexpr int64_t kNone = -1;

  ParameterRef add_parameter(const WeightSlot& slot) {
    int64_t& group = own_group_[slot.trainable];
    if (group == kNone) {
      group = static_cast<int64_t>(plan_.groups.size());
      plan_.groups.push_back({slot.trainable, {}, 0});
    }
    std::vector<BucketParameter>& parameters = plan_.groups[group].parameters;
    const ParameterRef reference{group, static_cast<int64_t>(parameters.size())};
    parameters.push_back({slot.name, slot.shape, 0, 0});
    known_[slot.name] = reference;
    return reference;
  }

  void check_same(const WeightSlot& slot, const ParameterRef& reference) const {
    const PlannedGroup& group = plan_.groups[reference.group];
    TEMPER_CHECK(group.parameters[reference.parameter].shape == slot.shape &&
                     group.trainable == slot.trainable,
                 "stage {} uses {} with another shape or kind than an earlier stage",
                 plan_.stages.size() - 1, slot.name);
  }

  void add_use(int64_t group) {
    std::vector<GroupUse>& uses = plan_.stages.back().uses;
    const bool known = std::any_of(uses.begin(), uses.end(),
                                   [&](const GroupUse& use) { return use.group == group; });
    if (!known) uses.push_back({group, plan_.groups[group].num_uses++});
  }

  ModelPlan plan_;
  std::map<std::string, ParameterRef> known_;
  std::array<int64_t, 2> own_group_{};  // the current stage's, by trainable
};

}  // namespace

int64_t ModelPlan::num_elements(bool trainable) const {
  int64_t total = 0;
  for (const PlannedGroup& group : groups) {
    if (group.trainable != trainable) continue;
    for (const BucketParameter& parameter : group.parameters) {
      total += std::accumulate(parameter.shape.begin(), parameter.shape.end(), int64_t{1},
                               std::multiplies<>());
    }
  }
  return total;
}

ModelPlan plan_model(const std::vector<std::vector<WeightSlot>>& stages) {
  Planner planner;
  for (const std::vector<WeightSlot>& slots : stages) planner.add_stage(slots);
  return planner.take();
}

}  // namespace temper
