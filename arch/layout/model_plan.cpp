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
    own_bucket_.fill(kNone);
    for (const WeightSlot& slot : slots) {
      const auto known = places_.find(slot.name);
      const SlotPlace place = known != places_.end() ? known->second : add_parameter(slot);
      check_same(slot, place);
      plan_.stages.back().slots.push_back(place);
      add_use(place.bucket);
    }
  }

  ModelPlan take() {
    const auto is_trainable = [this](const PlannedStage& stage) {
      return std::any_of(stage.uses.begin(), stage.uses.end(), [this](const BucketUse& use) {
        return plan_.buckets[use.bucket].trainable;
      });
    };
    plan_.first_trainable_stage =
        std::find_if(plan_.stages.begin(), plan_.stages.end(), is_trainable) - plan_.stages.begin();
    return std::move(plan_);
  }

 private:
  static constexpr int64_t kNone = -1;

  SlotPlace add_parameter(const WeightSlot& slot) {
    int64_t& bucket = own_bucket_[slot.trainable];
    if (bucket == kNone) {
      bucket = static_cast<int64_t>(plan_.buckets.size());
      plan_.buckets.push_back({slot.trainable, {}, 0});
    }
    std::vector<BucketParameter>& parameters = plan_.buckets[bucket].parameters;
    const SlotPlace place{bucket, static_cast<int64_t>(parameters.size())};
    parameters.push_back({slot.name, slot.shape, 0, 0});
    places_[slot.name] = place;
    return place;
  }

  void check_same(const WeightSlot& slot, const SlotPlace& place) const {
    const PlannedBucket& bucket = plan_.buckets[place.bucket];
    TEMPER_CHECK(bucket.parameters[place.parameter].shape == slot.shape &&
                     bucket.trainable == slot.trainable,
                 "stage {} uses {} with another shape or kind than an earlier stage",
                 plan_.stages.size() - 1, slot.name);
  }

  void add_use(int64_t bucket) {
    std::vector<BucketUse>& uses = plan_.stages.back().uses;
    const bool known = std::any_of(uses.begin(), uses.end(),
                                   [&](const BucketUse& use) { return use.bucket == bucket; });
    if (!known) uses.push_back({bucket, plan_.buckets[bucket].num_uses++});
  }

  ModelPlan plan_;
  std::map<std::string, SlotPlace> places_;
  std::array<int64_t, 2> own_bucket_{};  // the current stage's, by trainable
};

}  // namespace

int64_t ModelPlan::num_elements(bool trainable) const {
  int64_t total = 0;
  for (const PlannedBucket& bucket : buckets) {
    if (bucket.trainable != trainable) continue;
    for (const BucketParameter& parameter : bucket.parameters) {
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
