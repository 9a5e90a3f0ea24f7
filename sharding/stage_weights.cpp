#include "sharding/stage_weights.h"

#include "common/error.h"

namespace temper {
namespace {

at::Tensor view_of(const at::Tensor& bucket, const BucketParameter& parameter) {
  return bucket.narrow(0, parameter.offset, parameter.num_elements).view(parameter.shape);
}

}  // namespace

StageWeights::StageWeights(int64_t stage, const PlannedStage& plan,
                           const std::vector<WeightBucket>& buckets,
                           const GatheredWeights& gathered, const LeafGradients& leaf)
    : stage_(stage), gathered_(gathered) {
  for (const SlotPlace& slot : plan.slots) {
    const BucketParameter& parameter = buckets[slot.bucket].layout().parameters()[slot.parameter];
    weights_.push_back(view_of(gathered.whole_bucket(stage, slot.bucket), parameter));
    const at::Tensor gradient = leaf.whole_bucket(stage, slot.bucket);
    gradients_.push_back(gradient.defined() ? view_of(gradient, parameter) : at::Tensor());
  }
}

at::Tensor StageWeights::weight(int64_t slot) const {
  TEMPER_CHECK(lent_ && gathered_.holds(stage_), "stage {} asks for weights that are not gathered",
               stage_);
  return weights_.at(slot);
}

at::Tensor StageWeights::gradient(int64_t slot) const {
  TEMPER_CHECK(lent_, "stage {} asks for a gradient buffer that is not lent", stage_);
  TEMPER_CHECK(gradients_.at(slot).defined(), "stage {}: slot {} is frozen", stage_, slot);
  return gradients_[slot];
}

}  // namespace temper
