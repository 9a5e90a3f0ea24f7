// The plan of a run's memory against what a decoder's stages and its sharding really allocate.
#include "arch/memory_plan.h"

#include <ATen/core/grad_mode.h>
#include <c10/core/Allocator.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "arch/activation_memory.h"
#include "arch/layout/working_memory.h"
#include "comm/local/local_process_group.h"
#include "model/decoder.h"
#include "sharding/sharded_model.h"
#include "tests/distributed/world.h"
#include "tests/unit/model/batches.h"

namespace temper {
namespace {

ModelConfig small_model() {
  ModelConfig c;
  c.architecture = "LlamaForCausalLM";
  c.model_type = "llama";
  c.vocab_size = 1031;
  c.hidden_size = 48;
  c.intermediate_size = 130;
  c.num_layers = 5;
  c.num_heads = 6;
  c.num_kv_heads = 3;
  c.head_dim = 8;
  c.max_position_embeddings = 512;
  return c;
}

LoraConfig small_lora(const ModelConfig& model) {
  LoraConfig lora;
  lora.r = 4;
  lora.target_modules = {"all-linear"};
  resolve_lora_targets(lora, model);
  return lora;
}

struct Case {
  std::string name;
  bool is_lora = false;
  std::function<void(ModelConfig&, LoraConfig&, RunConfig&)> edit = [](ModelConfig&, LoraConfig&,
                                                                       RunConfig&) {};
  int ranks_per_node = 0;  // 0: one node

  friend std::ostream& operator<<(std::ostream& out, const Case& c) { return out << c.name; }
};

class MemoryPlanned : public testing::TestWithParam<Case> {
 protected:
  MemoryPlanned() : model(small_model()), lora(small_lora(model)) {
    config.adapter = GetParam().is_lora ? "lora" : "";
    GetParam().edit(model, lora, config);
    if (GetParam().is_lora) resolve_lora_targets(lora, model);
  }
  const LoraConfig* adapter() const { return GetParam().is_lora ? &lora : nullptr; }
  Training training() const { return GetParam().is_lora ? Training::kLora : Training::kFull; }

  ModelConfig model;
  LoraConfig lora;
  RunConfig config;
};

class NoWeights : public WeightSource {
 public:
  bool contains(const std::string&) const override { return true; }
  void read(const std::string&, const std::vector<int64_t>&, int64_t begin, int64_t end,
            float* out) const override {
    for (int64_t i = begin; i < end; ++i) out[i - begin] = 0.01f * static_cast<float>(i % 7 - 3);
  }
};

TEST_P(MemoryPlanned, AgreesWithWhatShardingAllocates) {
  const int num_ranks = world().size();
  const int per_node = GetParam().ranks_per_node;
  if (per_node > 0) setenv("TEMPER_TEST_RANKS_PER_NODE", std::to_string(per_node).c_str(), 1);
  const auto group = world().split(0, world().rank());
  const ShardedModel sharded(make_decoder(model, adapter(), training()), *group,
                             sharding_options(config));
  unsetenv("TEMPER_TEST_RANKS_PER_NODE");

  RunSize size;
  size.sequence_len = 64;
  size.num_ranks = num_ranks;
  size.ranks_per_node = per_node > 0 ? per_node : num_ranks;
  const MemoryPlan plan = plan_memory(model, adapter(), config, size);
  const RankMemory& planned = plan.ranks[static_cast<size_t>(world().rank())];
  const MemoryUse use = sharded.memory_use();
  EXPECT_EQ(planned.trainable_weights, use.weight_bytes);
  EXPECT_EQ(planned.frozen_weights, use.frozen_bytes);
  EXPECT_EQ(planned.gradients, use.gradient_bytes);
  EXPECT_EQ(planned.optimizer, use.optimizer_bytes);
  EXPECT_EQ(planned.gathered_weights, use.unsharded_parameter_bytes);
  EXPECT_EQ(planned.leaf_gradients, use.unsharded_gradient_bytes);
  EXPECT_GT(planned.leaf_gradients, 0);
}

// The buckets of a GPU's ranks, on the CPU.
TEST_P(MemoryPlanned, AgreesWithWhatBf16Allocates) {
  const ShardedModel sharded(make_decoder(model, adapter(), training()), world(),
                             sharding_options(config), {at::kCPU, at::kBFloat16});
  config.bf16 = true;
  RunSize size;
  size.sequence_len = 64;
  size.num_ranks = world().size();
  const RankMemory planned = plan_gpu_memory(model, adapter(), config, size);
  const MemoryUse use = sharded.memory_use();
  EXPECT_EQ(planned.trainable_weights, use.weight_bytes);
  EXPECT_EQ(planned.frozen_weights, use.frozen_bytes);
  EXPECT_EQ(planned.gradients, use.gradient_bytes);
  EXPECT_EQ(planned.optimizer, use.optimizer_bytes);
  EXPECT_EQ(planned.gathered_weights, use.unsharded_parameter_bytes);
  EXPECT_EQ(planned.leaf_gradients, use.unsharded_gradient_bytes);
}

// Bytes that tensors hold on this thread, and their most.
class TensorBytes : public c10::MemoryReportingInfoBase {
 public:
  void reportMemoryUsage(void*, int64_t bytes, size_t, size_t, c10::Device) override {
    live_ += bytes;
    peak_ = std::max(peak_, live_);
  }
  bool memoryProfilingEnabled() const override { return true; }
  int64_t peak() const { return peak_; }

 private:
  int64_t live_ = 0;
  int64_t peak_ = 0;
};

int64_t measured_peak(const std::function<void()>& work) {
  const auto bytes = std::make_shared<TensorBytes>();
  const c10::DebugInfoGuard guard(c10::DebugInfoKind::PROFILER_STATE, bytes);
  work();
  return bytes->peak();
}

TEST_P(MemoryPlanned, AgreesWithTheActivationsOfAMicroBatch) {
  const auto alone = make_local_process_group();
  const ShardingOptions options = sharding_options(config);
  ShardingOptions whole = options;
  whole.num_replicas = 1;
  ShardedModel sharded(make_decoder(model, adapter(), training()), *alone, whole);
  sharded.load(NoWeights());
  Batch batch = random_batch(model.vocab_size, {0, 300, 411, 700, 896});
  batch.training = true;
  // The table of angles, MKL's own buffers and a chunk of logits, which stays.
  sharded.forward_backward(&batch, 1);
  const int64_t rows = std::min(batch.num_targets, cross_entropy_chunk_rows(model.vocab_size));
  const auto workspace = static_cast<double>(rows * model.vocab_size * 4);

  const MicroBatchSize size{batch.num_tokens(), batch.num_targets};
  constexpr double kSmallThings = 0.005;  // indices of the supervised rows, scalars
  const auto planned =
      static_cast<double>(training_activation_bytes(model, adapter(), training(), options, size));
  const auto measured =
      workspace + static_cast<double>(measured_peak([&] { sharded.forward_backward(&batch, 1); }));
  EXPECT_NEAR(measured, planned, planned * kSmallThings);

  batch.training = false;
  const auto planned_evaluation =
      static_cast<double>(evaluation_activation_bytes(model, adapter(), size));
  const auto measured_evaluation =
      workspace + static_cast<double>(measured_peak([&] { sharded.evaluate(&batch); }));
  EXPECT_NEAR(measured_evaluation, planned_evaluation, planned_evaluation * kSmallThings);
}

const Case kCases[] = {
    {"Full"},
    {"FullOnPretendNodes", false, [](auto&, auto&, auto&) {}, 1},
    {"FullOnUnevenNodes", false, [](auto&, auto&, auto&) {}, 3},
    {"FullOnNodesWhole", false, [](auto&, auto&, RunConfig& c) { c.reshard_after_forward = false; },
     1},
    {"FullTied", false, [](ModelConfig& m, auto&, auto&) { m.tie_word_embeddings = true; }},
    {"FullQwen3", false, [](ModelConfig& m, auto&, auto&) { m.qk_norm = true; }},
    {"FullBiased", false,
     [](ModelConfig& m, auto&, auto&) { m.qkv_bias = m.output_bias = m.mlp_bias = true; }},
    {"FullCheckpointed", false,
     [](auto&, auto&, RunConfig& c) { c.gradient_checkpointing = true; }},
    {"FullEverySecond", false,
     [](auto&, auto&, RunConfig& c) {
       c.gradient_checkpointing = true;
       c.gradient_checkpointing_every = 2;
     }},
    {"FullOncePerStep", false,
     [](auto&, auto&, RunConfig& c) { c.reduce_gradients = GradientReduction::kOncePerStep; }},
    {"FullReplicated", false,
     [](auto&, auto&, RunConfig& c) { c.dp_replicate_size = world().size() % 2 == 0 ? 2 : 1; }},
    {"FullNarrow", false, [](ModelConfig& m, auto&, auto&) { m.intermediate_size = 20; }},
    {"Lora", true},
    {"LoraOnPretendNodes", true, [](auto&, auto&, auto&) {}, 2},
    {"LoraReplicatedBase", true,
     [](auto&, auto&, RunConfig& c) { c.base_placement = BasePlacement::kReplicated; }},
    {"LoraShardedBase", true,
     [](auto&, auto&, RunConfig& c) { c.base_placement = BasePlacement::kSharded; }},
    {"LoraDropout", true, [](auto&, LoraConfig& l, auto&) { l.dropout = 0.1; }},
    {"LoraDropoutCheckpointed", true,
     [](auto&, LoraConfig& l, RunConfig& c) {
       l.dropout = 0.1;
       c.gradient_checkpointing = true;
     }},
    {"LoraUpperBlocks", true,
     [](auto&, LoraConfig& l, auto&) {
       l.target_modules = {"layers.3.mlp.down_proj", "layers.4.self_attn.q_proj"};
     }},
    {"LoraSavesModules", true,
     [](auto&, LoraConfig& l, auto&) {
       l.modules_to_save = {"embed_tokens", "lm_head"};
     }},
    {"LoraSavesTied", true,
     [](ModelConfig& m, LoraConfig& l, auto&) {
       m.tie_word_embeddings = true;
       l.modules_to_save = {"embed_tokens", "lm_head"};
     }},
};

INSTANTIATE_TEST_SUITE_P(Decoder, MemoryPlanned, testing::ValuesIn(kCases),
                         [](const auto& param) { return param.param.name; });

}  // namespace
}  // namespace temper
