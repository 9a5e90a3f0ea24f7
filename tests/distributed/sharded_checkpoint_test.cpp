// Saving, killing and restoring a sharded decoder inside one group of ranks.
#include "checkpoint/sharded_checkpoint.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "comm/agreement.h"
#include "common/error.h"
#include "common/philox.h"
#include "io/atomic_file.h"
#include "model/decoder.h"
#include "model/hf_weights.h"
#include "tests/distributed/world.h"

namespace temper {
namespace {

constexpr int64_t kMicroBatches = 4;

ModelConfig tiny_config() {
  const Json json = {{"architectures", {"LlamaForCausalLM"}},
                     {"model_type", "llama"},
                     {"vocab_size", 96},
                     {"hidden_size", 32},
                     {"intermediate_size", 56},
                     {"num_hidden_layers", 2},
                     {"num_attention_heads", 4},
                     {"num_key_value_heads", 2},
                     {"max_position_embeddings", 64},
                     {"rms_norm_eps", 1e-5},
                     {"hidden_act", "silu"},
                     {"rope_theta", 10000.0},
                     {"tie_word_embeddings", true}};
  return ModelConfig::from_json(json, "tiny_config");
}

// Micro-batch m of a step: tokens are a function of (step, m) only.
Batch make_batch(int64_t step, int64_t m) {
  const int64_t length = 24;
  const Philox random(5, static_cast<uint64_t>(step * 100 + m));
  Batch batch;
  batch.tokens = at::empty({length}, at::kLong);
  batch.targets = at::empty({length}, at::kLong);
  batch.positions = at::arange(length, at::kLong);
  for (int64_t t = 0; t < length; ++t) {
    batch.tokens.data_ptr<int64_t>()[t] = static_cast<int64_t>(random.below(t, 96));
  }
  for (int64_t t = 0; t < length; ++t) {
    batch.targets.data_ptr<int64_t>()[t] =
        t + 1 < length ? batch.tokens.data_ptr<int64_t>()[t + 1] : -100;
  }
  batch.cu_seqlens = {0, static_cast<int32_t>(length)};
  batch.num_targets = length - 1;
  return batch;
}

class ShardedCheckpoint : public testing::TestWithParam<Training> {
 protected:
  void SetUp() override {
    root_ = std::filesystem::temp_directory_path() / "temper-sharded-checkpoint";
    root_ += "-" + world().all_gather_text(std::to_string(getpid())).front();
    if (world().rank() == 0) {
      std::filesystem::remove_all(root_);
      make_directories(root_);
      RunDirectory(root_).take_ownership("one");
    }
    world().barrier();
  }
  void TearDown() override {
    world().barrier();
    if (world().rank() == 0) std::filesystem::remove_all(root_);
    world().barrier();
  }

  std::unique_ptr<ShardedModel> make_model() {
    const ModelConfig config = tiny_config();
    LoraConfig lora;
    lora.r = 4;
    lora.target_modules = {"all-linear"};
    resolve_lora_targets(lora, config);
    auto model = std::make_unique<ShardedModel>(
        make_decoder(config, GetParam() == Training::kLora ? &lora : nullptr, GetParam()), world(),
        ShardingOptions{});
    const InitialBaseWeights base(config, 1);
    const InitialLoraWeights adapter(2);
    model->load(ChainedWeights({&base, &adapter}));
    return model;
  }

  void train_step(ShardedModel& model, int64_t step) {
    for (int64_t first = 0; first < kMicroBatches; first += world().size()) {
      const int64_t m = first + world().rank();
      const int contributors =
          static_cast<int>(std::min<int64_t>(world().size(), kMicroBatches - first));
      if (m < kMicroBatches) {
        const Batch batch = make_batch(step, m);
        model.forward_backward(&batch, contributors);
      } else {
        model.forward_backward(nullptr, contributors);
      }
    }
    model.finish_gradients();
    AdamWOptions adamw;
    adamw.learning_rate = 1e-2;
    adamw.weight_decay = 0.1;
    model.adamw_step(adamw, 1.0 / 92.0, step);
  }

  CommitRecord save(ShardedModel& model, int64_t step) {
    CommitRecord record;
    record.step = step;
    record.rows_consumed = step * kMicroBatches;
    return save_checkpoint(model, RunDirectory(root_), "one", record);
  }

  std::filesystem::path root_;
};

TEST_P(ShardedCheckpoint, restored_run_ends_with_the_bits_of_an_undisturbed_one) {
  auto undisturbed = make_model();
  for (int64_t step = 1; step <= 2; ++step) train_step(*undisturbed, step);
  const CommitRecord saved = save(*undisturbed, 2);
  EXPECT_EQ(saved.state_hash, state_hash(*undisturbed, 2, 8));
  for (int64_t step = 3; step <= 4; ++step) train_step(*undisturbed, step);

  auto resumed = make_model();
  const CommitRecord restored =
      restore_checkpoint(RunDirectory(root_).checkpoint_path(2), *resumed);
  EXPECT_EQ(restored.step, 2);
  EXPECT_EQ(restored.rows_consumed, 8);
  for (int64_t step = 3; step <= 4; ++step) train_step(*resumed, step);
  EXPECT_EQ(state_hash(*resumed, 4, 16), state_hash(*undisturbed, 4, 16));
}

TEST_P(ShardedCheckpoint, a_flipped_bit_is_never_restored) {
  auto model = make_model();
  train_step(*model, 1);
  save(*model, 1);
  const auto file = RunDirectory(root_).checkpoint_path(1) / rank_file_name(0, world().size());
  if (world().rank() == 0) {
    std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
    stream.seekg(-5, std::ios::end);
    const char byte = static_cast<char>(stream.get());
    stream.seekp(-5, std::ios::end);
    stream.put(static_cast<char>(byte ^ 0x10));
  }
  world().barrier();
  EXPECT_THROW(restore_checkpoint(RunDirectory(root_).checkpoint_path(1), *model), AgreedError);
}

TEST_P(ShardedCheckpoint, an_attempt_that_lost_the_directory_commits_nothing) {
  auto model = make_model();
  train_step(*model, 1);
  if (world().rank() == 0) RunDirectory(root_).take_ownership("two");
  world().barrier();
  EXPECT_THROW(save(*model, 1), AgreedError);
  EXPECT_FALSE(std::filesystem::exists(RunDirectory(root_).checkpoint_path(1)));
  EXPECT_FALSE(std::filesystem::exists(RunDirectory(root_).partial_checkpoint_path(1, "one")));
}

TEST_P(ShardedCheckpoint, a_complete_checkpoint_is_kept_when_its_step_is_saved_again) {
  auto model = make_model();
  train_step(*model, 1);
  const CommitRecord first = save(*model, 1);
  train_step(*model, 2);  // other weights, same step number
  EXPECT_EQ(save(*model, 1).state_hash, first.state_hash);
}

TEST_P(ShardedCheckpoint, an_incomplete_directory_in_the_way_is_moved_aside) {
  auto model = make_model();
  train_step(*model, 1);
  if (world().rank() == 0) {
    make_directories(RunDirectory(root_).checkpoint_path(1));
    write_file_atomically(RunDirectory(root_).checkpoint_path(1) / "commit.json", "{");
  }
  world().barrier();
  save(*model, 1);
  EXPECT_TRUE(inspect_checkpoint(RunDirectory(root_).checkpoint_path(1)).complete);
}

INSTANTIATE_TEST_SUITE_P(FullAndLora, ShardedCheckpoint,
                         testing::Values(Training::kFull, Training::kLora),
                         [](const auto& parameter) {
                           return parameter.param == Training::kFull ? "full" : "lora";
                         });

}  // namespace
}  // namespace temper
