// A whole model in one process's memory: for scoring, generation and the proof of an export.
// Training goes through sharding/ instead; both run the same stages.
#pragma once

#include <ATen/ATen.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "arch/lora_config.h"
#include "arch/model_config.h"
#include "model/decoder.h"
#include "stage/batch.h"
#include "stage/compute_device.h"
#include "stage/weight_source.h"

namespace temper {

// Keys and values of the tokens seen so far, for every block. Sequence s has rows
// [s x capacity, s x capacity + lengths[s]).
struct KvCache {
  std::vector<at::Tensor> keys;    // per block [sequences x capacity, num_kv_heads, head_dim]
  std::vector<at::Tensor> values;  // the same
  int64_t capacity = 0;            // tokens of a sequence
  std::vector<int64_t> lengths;    // of each sequence
};

// The tokens that a sequence of a cache goes on with; not empty.
struct NewTokens {
  size_t sequence = 0;
  std::vector<int64_t> ids;
};

// Batches come from and results go to the host, wherever the model is.
class ResidentModel {
 public:
  ResidentModel(const ModelConfig& config, const std::optional<LoraConfig>& lora, Training training,
                const WeightSource& source, const ComputeDevice& compute = {});
  ~ResidentModel();
  ResidentModel(ResidentModel&&) noexcept;

  const ModelConfig& config() const;
  bool has_adapter() const;
  const ComputeDevice& compute() const;

  at::Tensor logits(const Batch& batch) const;  // [T, vocab] fp32
  double loss_sum(const Batch& batch) const;
  // The loss of every target, in the order of the tokens.
  std::vector<double> target_losses(const Batch& batch) const;
  // Loss sum, and the gradients of that sum by parameter name, fp32. A tied weight's uses are
  // added.
  double loss_and_gradients(const Batch& batch, std::map<std::string, at::Tensor>& gradients) const;

  // Multiplies the adapters' scale (LoraConfig::scale_by) from here on.
  void scale_lora(double factor);
  // Adds every adapter to its base weight (W + scale x B A) and drops the adapters.
  void merge_lora();
  // The weight of that name, for writing it out.
  at::Tensor weight(const std::string& name) const;

  KvCache make_cache(size_t num_sequences, int64_t capacity) const;
  // The number of tokens of several sequences that may be fed together without changing a bit of
  // each other's logits; 0: none may. A sequence that has no tokens yet is fed by itself.
  int64_t independent_tokens() const;
  // Feeds new tokens of any of the cache's sequences, each named once; returns the logits that
  // follow the last of each: [fed, vocab].
  at::Tensor decode(const std::vector<NewTokens>& fed, KvCache& cache) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace temper
