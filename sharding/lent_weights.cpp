#include "sharding/lent_weights.h"

#include "common/error.h"

namespace temper {
namespace {

at::Tensor view_of(const at::Tensor& group, const BucketParameter& parameter) {
  return group.narrow(0, parameter.offset, parameter.num_elements).view(parameter.shape);
}

}  // namespace

LentWeights::LentWeights(int64_t stage, const PlannedStage& plan,
                         const std::vector<ParameterGroup>& groups,
                         const UnshardedParameters& parameters, const UnshardedGradients& gradients)
    : stage_(stage), parameters_(parameters) {
  for (const ParameterRef& slot : plan.slots) {
    const BucketParameter& parameter = groups[slot.group].layout().parameters()[slot.parameter];
    weights_.push_back(view_of(parameters.whole_group(stage, slot.group), parameter));
    const at::Tensor gradient = gradients.whole_group(stage, slot.group);
    gradients_.push_back(gradient.defined() ? view_of(gradient, parameter) : at::Tensor());
  }
}

at::Tensor LentWeights::weight(int64_t slot) const {
  TEMPER_CHECK(lent_ && parameters_.holds(stage_),
               "stage {} asks for weights that are not unsharded", stage_);
  return weights_.at(slot);
}

at::Tensor LentWeights::gradient(int64_t slot) const {
  TEMPER_CHECK(lent_, "stage {} asks for a gradient buffer that is not lent", stage_);
  TEMPER_CHECK(gradients_.at(slot).defined(), "stage {}: slot {} is frozen", stage_, slot);
  return gradients_[slot];
}

}  // namespace temper
