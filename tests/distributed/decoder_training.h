// A few steps of a small decoder's training, for tests that compare ways to train it.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "model/decoder.h"
#include "model/hf_weights.h"
#include "sharding/sharded_model.h"
#include "tests/unit/model/batches.h"
#include "tests/unit/model/configs.h"

namespace temper {

inline constexpr int kDecoderMicroBatches = 4;

struct DecoderOutcome {
  std::vector<double> losses;
  std::vector<double> norms;
  std::map<std::string, at::Tensor> weights;
};

inline std::map<std::string, at::Tensor> collect_weights(ShardedModel& model) {
  std::map<std::string, at::Tensor> values;
  ProcessGroup& group = model.mesh().shard();
  for (const TrainableShard& shard : model.trainable_shards()) {
    EXPECT_EQ(shard.weight.scalar_type(), at::kFloat);
    EXPECT_EQ(shard.gradient.scalar_type(), at::kFloat);
    const BucketLayout& layout = *shard.layout;
    at::Tensor full = at::zeros({layout.num_elements()});
    full.narrow(0, group.rank() * layout.shard_elements(), layout.shard_elements())
        .copy_(shard.weight);
    group.all_gather_in_place(full);
    for (const BucketParameter& parameter : layout.parameters()) {
      values[parameter.name] = full.narrow(0, parameter.offset, parameter.num_elements).clone();
    }
  }
  return values;
}

inline double run_round(ShardedModel& model, ProcessGroup& group, const ModelConfig& config) {
  at::Tensor losses = at::zeros({kDecoderMicroBatches}, at::kDouble);
  for (int first = 0; first < kDecoderMicroBatches; first += group.size()) {
    const int m = first + group.rank();
    const int active_ranks = std::min(group.size(), kDecoderMicroBatches - first);
    if (m >= kDecoderMicroBatches) {
      model.forward_backward(nullptr, active_ranks);
      continue;
    }
    Batch batch = random_batch(config.vocab_size, {0, 9, 30}, static_cast<uint64_t>(m) + 5);
    batch.training = true;
    batch.micro_batch = m;
    losses[m] = model.forward_backward(&batch, active_ranks);
  }
  group.all_reduce_sum(losses);  // one term each: exact
  return losses.sum().item<double>();
}

inline ModelConfig training_config() {
  ModelConfig config = small_config();
  config.tie_word_embeddings = true;
  config.qk_norm = true;
  return config;
}

inline std::unique_ptr<ShardedModel> make_training_decoder(ProcessGroup& group,
                                                           const ShardingOptions& options,
                                                           const ComputeDevice& compute,
                                                           bool with_adapter) {
  const ModelConfig config = training_config();
  const LoraConfig lora = small_lora({"q_proj", "down_proj"}, 0.1);
  const InitialLoraWeights adapter(3);
  const InitialBaseWeights base(config, 4);
  StageList stages = make_decoder(config, with_adapter ? &lora : nullptr,
                                  with_adapter ? Training::kLora : Training::kFull);
  auto model = std::make_unique<ShardedModel>(std::move(stages), group, options, compute);
  model->load(ChainedWeights({&adapter, &base}));
  return model;
}

// Steps `first` to `last`, added to the outcome.
inline void train_steps(ShardedModel& model, ProcessGroup& group, int64_t first, int64_t last,
                        DecoderOutcome& outcome) {
  AdamWOptions adamw;
  adamw.learning_rate = 0.01;
  adamw.gradient_scale = 0.01;
  for (int64_t step = first; step <= last; ++step) {
    outcome.losses.push_back(run_round(model, group, training_config()));
    model.finish_gradients();
    outcome.norms.push_back(model.grad_norm(0.01));
    adamw.step = step;
    model.adamw_step(adamw);
  }
}

inline DecoderOutcome train_decoder(ProcessGroup& group, const ShardingOptions& options,
                                    const ComputeDevice& compute, bool with_adapter) {
  const auto model = make_training_decoder(group, options, compute, with_adapter);
  DecoderOutcome outcome;
  train_steps(*model, group, 1, 4, outcome);
  outcome.weights = collect_weights(*model);
  return outcome;
}

}  // namespace temper
