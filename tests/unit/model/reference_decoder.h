// The decoder once more, as plain ATen operators that autograd follows: the oracle of the stages.
// Written from the published formulas, one dense mask for all documents.
#pragma once

#include <ATen/ATen.h>

#include <map>
#include <optional>
#include <string>

#include "arch/lora_config.h"
#include "arch/model_config.h"
#include "stage/batch.h"

namespace temper {

class ReferenceDecoder {
 public:
  // `weights` by name, adapters included; those that require grad get one.
  ReferenceDecoder(const ModelConfig& config, const std::optional<LoraConfig>& lora,
                   std::map<std::string, at::Tensor> weights);

  at::Tensor logits(const Batch& batch) const;
  at::Tensor loss_sum(const Batch& batch) const;

 private:
  at::Tensor norm(const at::Tensor& x, const std::string& name) const;
  at::Tensor linear(const at::Tensor& x, const std::string& module, const Batch& batch) const;
  at::Tensor attend(const at::Tensor& x, const std::string& prefix, const Batch& batch) const;
  at::Tensor rotate(const at::Tensor& x, const Batch& batch) const;
  at::Tensor mask(const Batch& batch) const;

  ModelConfig config_;
  std::optional<LoraConfig> lora_;
  std::map<std::string, at::Tensor> weights_;
};

}  // namespace temper
