// The last stage: final norm, output matrix and the loss sum over the supervised tokens.
#pragma once

#include "kernels/linear_cross_entropy.h"
#include "model/slot_table.h"
#include "stage/stage.h"

namespace temper {

class HeadStage : public Stage {
 public:
  // `lora` may be null.
  HeadStage(const ModelConfig& config, const LoraConfig* lora, Training training);

  const std::string& name() const override { return name_; }
  const std::vector<WeightSlot>& slots() const override { return table_.slots(); }
  at::Tensor forward(const WeightSlots& weights, const at::Tensor& x, const Batch& batch,
                     SavedActivations* saved) const override;
  at::Tensor backward(const WeightSlots& weights, const at::Tensor& x,
                      const at::Tensor& grad_output, const Batch& batch, SavedActivations& saved,
                      bool need_grad_input) const override;

  // The loss of every target, in order: [targets] fp64. x is what the last block gave.
  at::Tensor target_losses(const WeightSlots& weights, const at::Tensor& x,
                           const Batch& batch) const;
  // x [T, hidden] -> [T, vocab].
  at::Tensor logits(const WeightSlots& weights, const at::Tensor& x) const;

 private:
  std::string name_ = "head";
  SlotTable table_;
  int64_t norm_;
  int64_t output_;
  mutable at::Tensor
      logits_;  // a chunk, from one micro-batch to the next; forward is not concurrent
  double epsilon_;
};

}  // namespace temper
