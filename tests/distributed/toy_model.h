// A small model of hand-written stages for tests of sharding: an embedding, two hidden layers, and
// a head that is tied to the embedding. Sizes are odd, so that shards cut through parameters.
//   embedding  x = E[tokens]
//   hidden i   y = x + tanh(x W^T + b)              with adapters: W + B A in place of W
//   head       loss = sum of cross entropies of (x * s) E^T with the targets
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <string>
#include <vector>

#include "common/hash.h"
#include "common/philox.h"
#include "stage/stage.h"
#include "stage/weight_source.h"

namespace temper {

inline constexpr int64_t kToyVocabulary = 61;
inline constexpr int64_t kToyHidden = 19;
inline constexpr int64_t kToyRank = 3;
inline constexpr int64_t kToyTokens = 12;

enum class ToyTraining { kFull, kAdapters };

class ToyStage : public Stage {
 public:
  ToyStage(std::string name, std::vector<WeightSlot> slots)
      : name_(std::move(name)), slots_(std::move(slots)) {}
  const std::string& name() const override { return name_; }
  const std::vector<WeightSlot>& slots() const override { return slots_; }

 private:
  std::string name_;
  std::vector<WeightSlot> slots_;
};

class ToyEmbedding : public ToyStage {
 public:
  explicit ToyEmbedding(bool trainable)
      : ToyStage("embedding", {{"embed.weight", {kToyVocabulary, kToyHidden}, trainable}}) {}

  at::Tensor forward(const WeightSlots& weights, const at::Tensor&, const Batch& batch,
                     SavedActivations*) const override {
    return weights.weight(0).index_select(0, batch.tokens);
  }
  bool backward_needs_forward() const override { return false; }
  at::Tensor backward(const WeightSlots& weights, const at::Tensor&, const at::Tensor& grad_output,
                      const Batch& batch, SavedActivations&, bool) const override {
    weights.gradient(0).zero_().index_add_(0, batch.tokens, grad_output);
    return {};
  }
};

class ToyHidden : public ToyStage {
 public:
  ToyHidden(int index, ToyTraining training)
      : ToyStage(prefix(index), make_slots(prefix(index), training)),
        adapters_(training == ToyTraining::kAdapters) {}

  at::Tensor forward(const WeightSlots& weights, const at::Tensor& x, const Batch&,
                     SavedActivations* saved) const override {
    const at::Tensor y = at::addmm(weights.weight(1), x, whole_weight(weights).t()).tanh();
    if (saved != nullptr) saved->tensors = {y};
    return x + y;
  }

  at::Tensor backward(const WeightSlots& weights, const at::Tensor& x,
                      const at::Tensor& grad_output, const Batch&, SavedActivations& saved,
                      bool need_grad_input) const override {
    const at::Tensor& y = saved.tensors.at(0);
    const at::Tensor grad_sum = grad_output * (1 - y * y);
    if (adapters_) {
      const at::Tensor grad_weight = grad_sum.t().mm(x);
      weights.gradient(2).copy_(weights.weight(3).t().mm(grad_weight));
      weights.gradient(3).copy_(grad_weight.mm(weights.weight(2).t()));
    } else {
      at::Tensor grad_weight = weights.gradient(0);
      at::mm_out(grad_weight, grad_sum.t(), x);
      weights.gradient(1).copy_(grad_sum.sum(0));
    }
    if (!need_grad_input) return {};
    return grad_output + grad_sum.mm(whole_weight(weights));
  }

 private:
  static std::string prefix(int index) { return "hidden." + std::to_string(index); }
  static std::vector<WeightSlot> make_slots(const std::string& prefix, ToyTraining training) {
    const bool full = training == ToyTraining::kFull;
    std::vector<WeightSlot> slots = {{prefix + ".weight", {kToyHidden, kToyHidden}, full},
                                     {prefix + ".bias", {kToyHidden}, full}};
    if (full) return slots;
    slots.push_back({prefix + ".a", {kToyRank, kToyHidden}, true});
    slots.push_back({prefix + ".b", {kToyHidden, kToyRank}, true});
    return slots;
  }
  at::Tensor whole_weight(const WeightSlots& weights) const {
    if (!adapters_) return weights.weight(0);
    return weights.weight(0) + weights.weight(3).mm(weights.weight(2));
  }

  bool adapters_;
};

class ToyHead : public ToyStage {
 public:
  explicit ToyHead(bool trainable)
      : ToyStage("head", {{"scale", {kToyHidden}, trainable},
                          {"embed.weight", {kToyVocabulary, kToyHidden}, trainable}}),
        trainable_(trainable) {}

  at::Tensor forward(const WeightSlots& weights, const at::Tensor& x, const Batch& batch,
                     SavedActivations* saved) const override {
    const at::Tensor scaled = x * weights.weight(0);
    const at::Tensor log_p = scaled.mm(weights.weight(1).t()).log_softmax(1);
    if (saved != nullptr) saved->tensors = {scaled, log_p};
    return -log_p.gather(1, batch.targets.unsqueeze(1)).sum().to(at::kDouble);
  }

  at::Tensor backward(const WeightSlots& weights, const at::Tensor& x, const at::Tensor&,
                      const Batch& batch, SavedActivations& saved, bool) const override {
    const at::Tensor grad_logits = saved.tensors.at(1).exp();
    grad_logits.scatter_add_(1, batch.targets.unsqueeze(1),
                             at::full({batch.num_tokens(), 1}, -1.0f));
    const at::Tensor grad_scaled = grad_logits.mm(weights.weight(1));
    if (trainable_) {
      weights.gradient(0).copy_((grad_scaled * x).sum(0));
      weights.gradient(1).copy_(grad_logits.t().mm(saved.tensors.at(0)));
    }
    return grad_scaled * weights.weight(0);
  }

 private:
  bool trainable_;
};

inline StageList make_toy_model(ToyTraining training) {
  const bool full = training == ToyTraining::kFull;
  StageList stages;
  stages.push_back(std::make_unique<ToyEmbedding>(full));
  stages.push_back(std::make_unique<ToyHidden>(0, training));
  stages.push_back(std::make_unique<ToyHidden>(1, training));
  stages.push_back(std::make_unique<ToyHead>(full));
  return stages;
}

// Values that are a function of the parameter's name and the element. Counts what is read.
class ToyWeights : public WeightSource {
 public:
  bool contains(const std::string& name) const override { return name != missing; }
  void read(const std::string& name, const std::vector<int64_t>&, int64_t begin, int64_t end,
            float* out) const override {
    const Philox random(3, hash_text(name).low);
    for (int64_t i = begin; i < end; ++i) out[i - begin] = 0.3f * random.normal(i);
    num_read += end - begin;
  }

  std::string missing;
  mutable int64_t num_read = 0;
};

// Micro-batch `m` of step `step`: a function of these two alone.
inline Batch toy_batch(int64_t step, int64_t m) {
  const Philox random(8, static_cast<uint64_t>(step * 1000 + m));
  Batch batch;
  batch.tokens = at::empty({kToyTokens}, at::kLong);
  batch.targets = at::empty({kToyTokens}, at::kLong);
  batch.positions = at::arange(kToyTokens, at::kLong);
  for (int64_t t = 0; t < kToyTokens; ++t) {
    batch.tokens.data_ptr<int64_t>()[t] = random.below(2 * t, kToyVocabulary);
    batch.targets.data_ptr<int64_t>()[t] = random.below(2 * t + 1, kToyVocabulary);
  }
  batch.cu_seqlens = {0, static_cast<int32_t>(kToyTokens)};
  batch.num_targets = kToyTokens;
  batch.step = step;
  batch.micro_batch = m;
  return batch;
}

}  // namespace temper
