#include "model/block_linear.h"

#include "common/hash.h"
#include "kernels/linear.h"

namespace temper {

BlockLinear::BlockLinear(const SlotTable& table, const std::string& module, const LoraConfig* lora)
    : weight_(table.index(module + ".weight")),
      bias_(table.find(module + ".bias")),
      lora_a_(table.find("base_model.model." + module + ".lora_A.weight")),
      lora_b_(table.find("base_model.model." + module + ".lora_B.weight")),
      base_trains_(table[weight_].trainable),
      site_(hash_text(module).low) {
  if (!adapted()) return;
  adapter_trains_ = table[lora_a_].trainable;
  scale_ = lora->scale(module);
  dropout_ = lora->dropout;
}

LoraTerm BlockLinear::term(const WeightSlots& weights, const Batch& batch) const {
  return {weights.weight(lora_a_), weights.weight(lora_b_), scale_, batch.training ? dropout_ : 0.0,
          DropoutKey{batch.seed, batch.step, batch.micro_batch, site_}};
}

at::Tensor BlockLinear::forward(const WeightSlots& weights, const at::Tensor& x, const Batch& batch,
                                at::Tensor& low, const at::Tensor& residual) const {
  const at::Tensor weight = weights.weight(weight_);
  const at::Tensor bias = bias_ >= 0 ? weights.weight(bias_) : at::Tensor();
  Factors adapter;
  if (adapted()) {
    const LoraTerm lora = term(weights, batch);
    low = lora_low(x, lora);
    adapter = lora_factors(low, lora);
  }
  return residual.defined() ? linear_add(residual, x, weight, bias, adapter)
                            : linear_forward(x, weight, bias, adapter);
}

at::Tensor BlockLinear::input_gradient(const WeightSlots& weights, const at::Tensor& dy,
                                       const Batch& batch, at::Tensor& dx) const {
  const at::Tensor weight = weights.weight(weight_);
  if (!adapted()) {
    linear_input_gradient(dy, weight, dx);
    return {};
  }
  const LoraTerm lora = term(weights, batch);
  const at::Tensor d_low = lora_low_gradient(dy, lora);
  lora_linear_input_gradient(dy, weight, d_low, lora, dx);
  return d_low;
}

at::Tensor BlockLinear::low_gradient(const WeightSlots& weights, const at::Tensor& dy,
                                     const Batch& batch) const {
  return adapter_trains_ ? lora_low_gradient(dy, term(weights, batch)) : at::Tensor();
}

void BlockLinear::weight_gradients(const WeightSlots& weights, const at::Tensor& dy,
                                   const at::Tensor& x, const at::Tensor& low,
                                   const at::Tensor& d_low, const Batch& batch) const {
  if (base_trains_) {
    linear_weight_gradient(dy, x, weights.gradient(weight_));
    if (bias_ >= 0) linear_bias_gradient(dy, weights.gradient(bias_));
  }
  if (adapter_trains_) {
    lora_weight_gradients(dy, x, low, d_low, term(weights, batch), weights.gradient(lora_a_),
                          weights.gradient(lora_b_));
  }
}

}  // namespace temper
