#include "model/embedding_stage.h"

#include "kernels/embedding.h"

namespace temper {

EmbeddingStage::EmbeddingStage(const ModelConfig& config, const LoraConfig* lora, Training training)
    : table_(config, lora, training, 0) {}

at::Tensor EmbeddingStage::forward(const WeightSlots& weights, const at::Tensor&,
                                   const Batch& batch, SavedActivations*) const {
  return embedding_forward(weights.weight(0), batch.tokens);
}

at::Tensor EmbeddingStage::backward(const WeightSlots& weights, const at::Tensor&,
                                    const at::Tensor& grad_output, const Batch& batch,
                                    SavedActivations&, bool) const {
  if (table_[0].trainable) {
    embedding_weight_gradient(grad_output, batch.tokens, weights.gradient(0));
  }
  return {};
}

}  // namespace temper
