// Weights as they are after one rounding to another type: what an export in that type must hold.
#pragma once

#include <ATen/ATen.h>

#include <functional>
#include <string>

#include "stage/weight_source.h"

namespace temper {

class RoundedWeights : public WeightSource {
 public:
  // Rounds (to nearest even, by LibTorch) the parameters for which `is_rounded` holds.
  RoundedWeights(const WeightSource& weights, at::ScalarType dtype,
                 std::function<bool(const std::string&)> is_rounded)
      : weights_(&weights), dtype_(dtype), is_rounded_(std::move(is_rounded)) {}

  bool contains(const std::string& name) const override { return weights_->contains(name); }
  void read(const std::string& name, const std::vector<int64_t>& shape, int64_t begin, int64_t end,
            float* out) const override;

 private:
  const WeightSource* weights_;
  at::ScalarType dtype_;
  std::function<bool(const std::string&)> is_rounded_;
};

}  // namespace temper
