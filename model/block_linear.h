// One linear layer of a decoder block: y = x W^T (+ b) (+ scale dropout(x) A^T B^T). Its base
// trains, or its adapter does, or neither.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <string>

#include "arch/lora_config.h"
#include "kernels/lora_linear.h"
#include "model/slot_table.h"
#include "stage/stage.h"

namespace temper {

class BlockLinear {
 public:
  // `module`: "model.layers.0.self_attn.q_proj". The table and `lora` (may be null) are read here
  // only.
  BlockLinear(const SlotTable& table, const std::string& module, const LoraConfig* lora);

  bool adapted() const { return lora_a_ >= 0; }

  // x [T, in] -> [T, out], plus `residual` where it is defined. An adapted layer sets `low`, which
  // its backward needs.
  at::Tensor forward(const WeightSlots& weights, const at::Tensor& x, const Batch& batch,
                     at::Tensor& low, const at::Tensor& residual = {}) const;

  // Sets dx, or adds to it where it is defined; returns what weight_gradients wants as d_low.
  at::Tensor input_gradient(const WeightSlots& weights, const at::Tensor& dy, const Batch& batch,
                            at::Tensor& dx) const;
  // The d_low alone, where nobody wants dx.
  at::Tensor low_gradient(const WeightSlots& weights, const at::Tensor& dy,
                          const Batch& batch) const;
  // Writes the gradients of the slots that train.
  void weight_gradients(const WeightSlots& weights, const at::Tensor& dy, const at::Tensor& x,
                        const at::Tensor& low, const at::Tensor& d_low, const Batch& batch) const;

 private:
  LoraTerm term(const WeightSlots& weights, const Batch& batch) const;

  int64_t weight_;
  int64_t bias_;  // these are -1 where there is none
  int64_t lora_a_;
  int64_t lora_b_;
  bool base_trains_;
  bool adapter_trains_ = false;
  double scale_ = 1.0;
  double dropout_ = 0.0;
  uint64_t site_;
};

}  // namespace temper
