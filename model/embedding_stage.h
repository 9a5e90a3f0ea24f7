// The first stage: token ids to vectors.
#pragma once

#include "model/slot_table.h"
#include "stage/stage.h"

namespace temper {

class EmbeddingStage : public Stage {
 public:
  // `lora` may be null.
  EmbeddingStage(const ModelConfig& config, const LoraConfig* lora, Training training);

  const std::string& name() const override { return name_; }
  const std::vector<WeightSlot>& slots() const override { return table_.slots(); }
  at::Tensor forward(const WeightSlots& weights, const at::Tensor& x, const Batch& batch,
                     SavedActivations* saved) const override;
  bool backward_needs_forward() const override { return false; }
  at::Tensor backward(const WeightSlots& weights, const at::Tensor& x,
                      const at::Tensor& grad_output, const Batch& batch, SavedActivations& saved,
                      bool need_grad_input) const override;

 private:
  std::string name_ = "embedding";
  SlotTable table_;
};

}  // namespace temper
