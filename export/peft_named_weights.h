// The weights of an adapter under the names that its files give them (arch/parameters.h).
#pragma once

#include "arch/model_config.h"
#include "arch/parameters.h"
#include "stage/weight_source.h"

namespace temper {

class PeftNamedWeights : public WeightSource {
 public:
  // Both outlive this.
  PeftNamedWeights(const WeightSource& weights, const ModelConfig& config)
      : weights_(weights), config_(config) {}

  bool contains(const std::string& name) const override {
    return weights_.contains(parameter_of_peft_name(config_, name));
  }
  void read(const std::string& name, const std::vector<int64_t>& shape, int64_t begin, int64_t end,
            float* out) const override {
    weights_.read(parameter_of_peft_name(config_, name), shape, begin, end, out);
  }

 private:
  const WeightSource& weights_;
  const ModelConfig& config_;
};

}  // namespace temper
