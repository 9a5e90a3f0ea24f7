#include "model/head_stage.h"

#include "arch/layout/micro_batch.h"
#include "common/error.h"
#include "kernels/linear.h"
#include "kernels/rms_norm.h"

namespace temper {
namespace {

// The supervised rows: only they are normalised and multiplied with the output matrix.
struct SupervisedRows {
  SupervisedRows(const at::Tensor& all, const Batch& batch) {
    if (batch.num_targets == batch.num_tokens()) {
      x = all;
      targets = batch.targets;
      return;
    }
    index = at::nonzero(batch.targets.ne(kIgnoredTarget)).squeeze(1);
    TEMPER_CHECK(index.numel() == batch.num_targets, "{} supervised tokens, the batch says {}",
                 index.numel(), batch.num_targets);
    x = all.index_select(0, index);
    targets = batch.targets.index_select(0, index);
  }

  // Gradients of the rows to gradients of all tokens.
  at::Tensor spread(const at::Tensor& dx, int64_t num_tokens) const {
    if (!index.defined()) return dx;
    return at::zeros({num_tokens, dx.size(1)}, dx.options()).index_copy_(0, index, dx);
  }

  at::Tensor index;  // undefined when every token is supervised
  at::Tensor x;
  at::Tensor targets;
};

}  // namespace

HeadStage::HeadStage(const ModelConfig& config, const LoraConfig* lora, Training training)
    : table_(config, lora, training, config.num_layers + 1),
      norm_(table_.index("model.norm.weight")),
      output_(table_.index(config.tie_word_embeddings ? "model.embed_tokens.weight"
                                                      : "lm_head.weight")),
      epsilon_(config.rms_norm_eps) {}

at::Tensor HeadStage::forward(const WeightSlots& weights, const at::Tensor& x, const Batch& batch,
                              SavedActivations* saved) const {
  const SupervisedRows rows(x, batch);
  const at::Tensor inverse = inverse_rms(rows.x, epsilon_);
  const at::Tensor normed = rms_norm(rows.x, weights.weight(norm_), inverse);
  if (saved == nullptr) {
    return linear_cross_entropy(normed, weights.weight(output_), rows.targets, nullptr, logits_);
  }
  LinearCrossEntropyGradients gradients;
  if (table_[output_].trainable) gradients.dw = weights.gradient(output_);
  const at::Tensor loss =
      linear_cross_entropy(normed, weights.weight(output_), rows.targets, &gradients, logits_);
  saved->tensors = {inverse, gradients.dx};
  return loss;
}

at::Tensor HeadStage::backward(const WeightSlots& weights, const at::Tensor& x, const at::Tensor&,
                               const Batch& batch, SavedActivations& saved,
                               bool need_grad_input) const {
  const SupervisedRows rows(x, batch);
  const at::Tensor inverse = saved.tensors.at(0), d_normed = saved.tensors.at(1);
  saved.tensors.clear();
  if (table_[norm_].trainable) {
    rms_norm_weight_gradient(d_normed, rows.x, inverse, weights.gradient(norm_));
  }
  if (!need_grad_input) return {};
  const at::Tensor norm = weights.weight(norm_);
  return rows.spread(rms_norm_backward(d_normed, rows.x, norm, inverse), x.size(0));
}

at::Tensor HeadStage::target_losses(const WeightSlots& weights, const at::Tensor& x,
                                    const Batch& batch) const {
  const SupervisedRows rows(x, batch);
  const at::Tensor normed = rms_norm(rows.x, weights.weight(norm_), inverse_rms(rows.x, epsilon_));
  return cross_entropy_of_rows(normed, weights.weight(output_), rows.targets);
}

at::Tensor HeadStage::logits(const WeightSlots& weights, const at::Tensor& x) const {
  const at::Tensor normed = rms_norm(x, weights.weight(norm_), inverse_rms(x, epsilon_));
  return linear_forward(normed, weights.weight(output_));
}

}  // namespace temper
