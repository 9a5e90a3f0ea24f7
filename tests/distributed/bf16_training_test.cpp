// Training in bf16 with fp32 master weights, on the CPU: the way of GPUs, but for the kernels.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <map>

#include "model/decoder.h"
#include "model/hf_weights.h"
#include "sharding/sharded_model.h"
#include "tests/distributed/world.h"
#include "tests/unit/model/batches.h"
#include "tests/unit/model/configs.h"

namespace temper {
namespace {

constexpr int kMicroBatches = 4;

struct Outcome {
  std::vector<double> losses;
  std::vector<double> norms;
  std::map<std::string, at::Tensor> weights;
};

std::map<std::string, at::Tensor> collect_weights(ShardedModel& model) {
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

double run_round(ShardedModel& model, ProcessGroup& group, const ModelConfig& config) {
  at::Tensor losses = at::zeros({kMicroBatches}, at::kDouble);
  for (int first = 0; first < kMicroBatches; first += group.size()) {
    const int m = first + group.rank();
    const int contributors = std::min(group.size(), kMicroBatches - first);
    if (m >= kMicroBatches) {
      model.forward_backward(nullptr, contributors);
      continue;
    }
    Batch batch = random_batch(config.vocab_size, {0, 9, 30}, static_cast<uint64_t>(m) + 5);
    batch.training = true;
    batch.micro_batch = m;
    losses[m] = model.forward_backward(&batch, contributors);
  }
  group.all_reduce_sum(losses);  // one term each: exact
  return losses.sum().item<double>();
}

Outcome train(ProcessGroup& group, const ShardingOptions& options, bool with_adapter) {
  ModelConfig config = small_config();
  config.tie_word_embeddings = true;
  config.qk_norm = true;
  const LoraConfig lora = small_lora({"q_proj", "down_proj"}, 0.1);
  const InitialLoraWeights adapter(3);
  const InitialBaseWeights base(config, 4);
  ShardedModel model(make_decoder(config, with_adapter ? &lora : nullptr,
                                  with_adapter ? Training::kLora : Training::kFull),
                     group, options);
  model.load(ChainedWeights({&adapter, &base}));
  AdamWOptions adamw;
  adamw.learning_rate = 0.01;
  Outcome outcome;
  for (int64_t step = 1; step <= 4; ++step) {
    outcome.losses.push_back(run_round(model, group, config));
    model.finish_gradients();
    outcome.norms.push_back(model.gradient_norm(0.01));
    model.adamw_step(adamw, 0.01, step);
  }
  outcome.weights = collect_weights(model);
  return outcome;
}

void expect_same_bits(const Outcome& actual, const Outcome& expected) {
  EXPECT_EQ(actual.losses, expected.losses);
  EXPECT_EQ(actual.norms, expected.norms);
  ASSERT_EQ(actual.weights.size(), expected.weights.size());
  for (const auto& [name, value] : expected.weights) {
    EXPECT_TRUE(at::equal(actual.weights.at(name).view(at::kInt), value.view(at::kInt))) << name;
  }
}

ShardingOptions bf16_options() {
  ShardingOptions options;
  options.compute_type = at::kBFloat16;
  return options;
}

std::vector<std::pair<std::string, ShardingOptions>> placements() {
  std::vector<std::pair<std::string, ShardingOptions>> list = {{"default", bf16_options()}};
  const auto add = [&](const char* name, auto&& change) {
    list.emplace_back(name, bf16_options());
    change(list.back().second);
  };
  add("messages", [](ShardingOptions& o) { o.share_memory = false; });
  add("kept whole", [](ShardingOptions& o) { o.reshard_after_forward = false; });
  add("frozen sharded", [](ShardingOptions& o) { o.frozen_placement = FrozenPlacement::kSharded; });
  add("checkpointed", [](ShardingOptions& o) { o.checkpoint_every = 1; });
  return list;
}

TEST(Bf16Training, HasTheSameBitsOnAnyRanksAndPlacement) {
  for (const bool with_adapter : {false, true}) {
    const auto alone = make_local_process_group();
    const Outcome expected = train(*alone, bf16_options(), with_adapter);
    for (const auto& [name, options] : placements()) {
      SCOPED_TRACE(name + (with_adapter ? ", adapter" : ", full"));
      const auto group = world().split(0, world().rank());
      expect_same_bits(train(*group, options, with_adapter), expected);
    }
  }
}

// The master weights move by less than bf16 can tell, and the losses are those of fp32 but for
// rounding.
TEST(Bf16Training, LearnsWhatFp32Learns) {
  for (const bool with_adapter : {false, true}) {
    const auto group = world().split(0, world().rank());
    const Outcome narrow = train(*group, bf16_options(), with_adapter);
    const Outcome wide = train(*group, {}, with_adapter);
    for (size_t step = 0; step < wide.losses.size(); ++step) {
      EXPECT_NEAR(narrow.losses[step] / wide.losses[step], 1.0, 0.01) << step;
      EXPECT_NEAR(narrow.norms[step] / wide.norms[step], 1.0, 0.05) << step;
    }
    EXPECT_NE(narrow.losses, wide.losses);
    EXPECT_LT(narrow.losses.back(), narrow.losses.front());
    bool between = false;  // values that bf16 does not have
    for (const auto& [name, value] : narrow.weights) {
      between = between || !at::equal(value, value.to(at::kBFloat16).to(at::kFloat));
    }
    EXPECT_TRUE(between);
  }
}

TEST(Bf16Training, MemoryIsCountedByType) {
  const auto group = world().split(0, world().rank());
  ModelConfig config = small_config();
  const LoraConfig lora = small_lora({"q_proj"});
  const auto use_of = [&](at::ScalarType type) {
    ShardingOptions options;
    options.compute_type = type;
    options.frozen_placement = FrozenPlacement::kReplicated;
    return ShardedModel(make_decoder(config, &lora, Training::kLora), *group, options).memory_use();
  };
  const auto narrow = use_of(at::kBFloat16), wide = use_of(at::kFloat);
  EXPECT_EQ(narrow.frozen_bytes * 2, wide.frozen_bytes);
  EXPECT_EQ(narrow.weight_bytes, wide.weight_bytes);
  EXPECT_EQ(narrow.optimizer_bytes, wide.optimizer_bytes);
}

}  // namespace
}  // namespace temper
