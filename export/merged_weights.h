// A base with its adapter added in: W + scale x B A, computed in fp32, block by block as it is
// read, so that a merged model is written without ever being held whole.
#pragma once

#include "arch/lora_config.h"
#include "stage/weight_source.h"

namespace temper {

class MergedWeights : public WeightSource {
 public:
  // `weights` has the base's tensors and the adapter's (under their PEFT names); both outlive this.
  MergedWeights(const WeightSource& weights, const LoraConfig& lora)
      : weights_(&weights), lora_(&lora) {}

  // Base names only.
  bool contains(const std::string& name) const override;
  void read(const std::string& name, const std::vector<int64_t>& shape, int64_t begin, int64_t end,
            float* out) const override;

 private:
  const WeightSource* weights_;
  const LoraConfig* lora_;
};

}  // namespace temper
