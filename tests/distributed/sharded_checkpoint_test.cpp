// Saving, killing and restoring a sharded decoder inside one group of ranks.
#include "checkpoint/sharded_checkpoint.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <limits>
#include <string>
#include <vector>

#include "checkpoint/checkpoint_saver.h"
#include "comm/agreement.h"
#include "common/error.h"
#include "common/philox.h"
#include "io/atomic_file.h"
#include "model/decoder.h"
#include "model/hf_weights.h"
#include "run/checkpoint/checkpoint_files.h"
#include "tests/distributed/world.h"
#include "tests/fixtures/llama_json.h"

namespace temper {
namespace {

constexpr int64_t kMicroBatches = 4;

ModelConfig tiny_config() {
  const Json json = with(llama_json(96, 32, 56), {{"max_position_embeddings", 64},
                                                  {"hidden_act", "silu"},
                                                  {"rope_theta", 10000.0},
                                                  {"tie_word_embeddings", true}});
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
  OwnedRunDirectory run() const { return {root_, "one"}; }
  void SetUp() override {
    root_ = std::filesystem::temp_directory_path() / "temper-sharded-checkpoint";
    root_ += "-" + world().all_gather_text(std::to_string(getpid())).front();
    if (world().rank() == 0) {
      std::filesystem::remove_all(root_);
      make_directories(root_);
      run().take_ownership();
    }
    world().barrier();
  }
  void TearDown() override {
    world().barrier();
    if (world().rank() == 0) std::filesystem::remove_all(root_);
    world().barrier();
  }

  std::filesystem::path directory(int64_t step) const { return run().checkpoint_path(step); }
  std::filesystem::path shard_file(int64_t step) const {
    return directory(step) / rank_file_name(0, world().size());
  }
  // Names of what was set aside, once all ranks have got there.
  std::vector<std::string> aside() const {
    world().barrier();
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(root_)) {
      const std::string name = entry.path().filename();
      if (name.ends_with(".aside")) names.push_back(name);
    }
    world().barrier();
    return names;
  }
  static void flip_bit(const std::filesystem::path& file) {
    if (world().rank() == 0) {
      std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
      stream.seekg(-5, std::ios::end);
      const char byte = static_cast<char>(stream.get());
      stream.seekp(-5, std::ios::end);
      stream.put(static_cast<char>(byte ^ 0x10));
    }
    world().barrier();
  }

  std::unique_ptr<ShardedModel> make_model(const ShardingOptions& options = {}) {
    const ModelConfig config = tiny_config();
    LoraConfig lora;
    lora.r = 4;
    lora.target_modules = {"all-linear"};
    resolve_lora_targets(lora, config);
    auto model = std::make_unique<ShardedModel>(
        make_decoder(config, GetParam() == Training::kLora ? &lora : nullptr, GetParam()), world(),
        options);
    const InitialBaseWeights base(config, 1);
    const InitialLoraWeights adapter(2);
    model->load(ChainedWeights({&base, &adapter}));
    return model;
  }

  void train_step(ShardedModel& model, int64_t step) {
    for (int64_t first = 0; first < kMicroBatches; first += world().size()) {
      const int64_t m = first + world().rank();
      const int active_ranks =
          static_cast<int>(std::min<int64_t>(world().size(), kMicroBatches - first));
      if (m < kMicroBatches) {
        const Batch batch = make_batch(step, m);
        model.forward_backward(&batch, active_ranks);
      } else {
        model.forward_backward(nullptr, active_ranks);
      }
    }
    model.finish_gradients();
    AdamWOptions adamw;
    adamw.learning_rate = 1e-2;
    adamw.weight_decay = 0.1;
    adamw.gradient_scale = 1.0 / 92.0;
    adamw.step = step;
    model.adamw_step(adamw);
  }

  CommitRecord save(ShardedModel& model, int64_t step) {
    CommitRecord record;
    record.step = step;
    record.rows_consumed = step * kMicroBatches;
    return save_checkpoint(model, run(), record);
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
  const CommitRecord restored = restore_checkpoint(run().checkpoint_path(2), *resumed);
  EXPECT_EQ(restored.step, 2);
  EXPECT_EQ(restored.rows_consumed, 8);
  for (int64_t step = 3; step <= 4; ++step) train_step(*resumed, step);
  EXPECT_EQ(state_hash(*resumed, 4, 16), state_hash(*undisturbed, 4, 16));
}

TEST_P(ShardedCheckpoint, a_flipped_bit_is_never_restored) {
  auto model = make_model();
  train_step(*model, 1);
  save(*model, 1);
  flip_bit(shard_file(1));
  EXPECT_THROW(restore_checkpoint(run().checkpoint_path(1), *model), AgreedError);
}

TEST_P(ShardedCheckpoint, an_attempt_that_lost_the_directory_commits_nothing) {
  auto model = make_model();
  train_step(*model, 1);
  if (world().rank() == 0) OwnedRunDirectory(root_, "two").take_ownership();
  world().barrier();
  EXPECT_THROW(save(*model, 1), AgreedError);
  EXPECT_FALSE(std::filesystem::exists(run().checkpoint_path(1)));
  EXPECT_FALSE(std::filesystem::exists(run().partial_checkpoint_path(1)));
}

TEST_P(ShardedCheckpoint, same_state_is_not_written_twice) {
  auto model = make_model();
  train_step(*model, 1);
  save(*model, 1);
  const auto written = std::filesystem::last_write_time(shard_file(1));
  world().barrier();
  save(*model, 1);
  EXPECT_EQ(std::filesystem::last_write_time(shard_file(1)), written);
  EXPECT_TRUE(aside().empty());
}

TEST_P(ShardedCheckpoint, checkpoint_of_another_state_gives_way_and_is_kept_aside) {
  auto model = make_model();
  train_step(*model, 1);
  const CommitRecord first = save(*model, 1);
  train_step(*model, 2);  // other weights, same step number
  const CommitRecord second = save(*model, 1);
  EXPECT_NE(second.state_hash, first.state_hash);
  EXPECT_EQ(second.state_hash, state_hash(*model, 1, kMicroBatches));
  EXPECT_EQ(inspect_checkpoint(directory(1)).record->state_hash, second.state_hash);
  ASSERT_EQ(aside(), std::vector<std::string>{"step-1.one.aside"});
  const std::string text = read_file(root_ / "step-1.one.aside" / "commit.json");
  EXPECT_EQ(CommitRecord::from_json(text, "aside").state_hash, first.state_hash);
}

TEST_P(ShardedCheckpoint, damaged_checkpoint_gives_way_and_is_kept_aside) {
  auto model = make_model();
  train_step(*model, 1);
  save(*model, 1);
  flip_bit(shard_file(1));
  save(*model, 1);
  EXPECT_EQ(restore_checkpoint(directory(1), *model).step, 1);
  EXPECT_EQ(aside(), std::vector<std::string>{"step-1.one.aside"});
}

TEST_P(ShardedCheckpoint, incomplete_directory_in_the_way_is_kept_aside) {
  auto model = make_model();
  train_step(*model, 1);
  if (world().rank() == 0) {
    make_directories(directory(1));
    write_file_atomically(directory(1) / "commit.json", "{");
  }
  world().barrier();
  save(*model, 1);
  EXPECT_TRUE(inspect_checkpoint(directory(1)).complete);
  EXPECT_EQ(aside(), std::vector<std::string>{"step-1.one.aside"});
}

TEST_P(ShardedCheckpoint, background_save_holds_the_state_of_its_own_step) {
  auto model = make_model();
  CheckpointSaver saver(*model, run());
  EXPECT_FALSE(saver.is_active());
  for (int64_t step = 1; step <= 3; ++step) {
    train_step(*model, step);
    const Hash128 expected = state_hash(*model, step, step * kMicroBatches);
    CommitRecord record;
    record.step = step;
    record.rows_consumed = step * kMicroBatches;
    saver.start({record, 2, {}, 0.0}, CheckpointSaver::Mode::kBackground);
    EXPECT_TRUE(saver.is_active());
    train_step(*model, step + 100);  // meanwhile
    const SaveOutcome outcome = saver.finish();
    EXPECT_EQ(outcome.error, "");
    EXPECT_FALSE(saver.is_active());
    EXPECT_EQ(outcome.record.state_hash, expected);
    EXPECT_EQ(restore_checkpoint(directory(step), *model).state_hash, expected);
    world().barrier();
  }
  // Two stay, however they were retained.
  EXPECT_FALSE(std::filesystem::exists(directory(1)));
  EXPECT_TRUE(inspect_checkpoint(directory(2)).complete);
}

TEST_P(ShardedCheckpoint, nothing_is_committed_before_every_rank_has_written) {
  auto model = make_model();
  train_step(*model, 1);
  CheckpointSaver saver(*model, run());
  CommitRecord record;
  record.step = 1;
  saver.start({record, 0, {}, 0.0}, CheckpointSaver::Mode::kBackground);
  EXPECT_FALSE(std::filesystem::exists(directory(1)));
  EXPECT_FALSE(saver.advance().has_value());  // written by all; rank 0 commits
  const auto outcome = saver.advance();
  ASSERT_TRUE(outcome.has_value());
  EXPECT_EQ(outcome->error, "");
  EXPECT_EQ(find_damage(directory(1), outcome->record), "");
  EXPECT_EQ(outcome->record.files.size(), static_cast<size_t>(world().size()));
}

TEST_P(ShardedCheckpoint, replicas_that_differ_are_never_saved) {
  if (world().size() % 2 != 0) return;  // no two replicas
  ShardingOptions two_replicas;
  two_replicas.num_replicas = 2;
  auto model = make_model(two_replicas);
  train_step(*model, 1);
  TrainableShard& shard = model->trainable_shards().front();
  if (model->mesh().replica() == 1) shard.adam_m.data_ptr<float>()[0] += 1.0f;
  CheckpointSaver saver(*model, run());
  CommitRecord record;
  record.step = 1;
  for (const auto mode : {CheckpointSaver::Mode::kBackground, CheckpointSaver::Mode::kForeground}) {
    saver.start({record, 0, {}, 0.0}, mode);
    const SaveOutcome outcome = saver.finish();
    EXPECT_TRUE(outcome.is_fatal);
    EXPECT_NE(outcome.error.find("replica 1 holds other weights"), std::string::npos);
    EXPECT_FALSE(std::filesystem::exists(directory(1)));
    EXPECT_FALSE(std::filesystem::exists(run().partial_checkpoint_path(1)));
    world().barrier();
  }
}

TEST_P(ShardedCheckpoint, background_save_of_replicas_holds_the_state_of_its_own_step) {
  if (world().size() % 2 != 0) return;  // no two replicas
  ShardingOptions two_replicas;
  two_replicas.num_replicas = 2;
  auto model = make_model(two_replicas);
  CheckpointSaver saver(*model, run());
  train_step(*model, 1);
  const Hash128 expected = state_hash(*model, 1, kMicroBatches);
  CommitRecord record;
  record.step = 1;
  record.rows_consumed = kMicroBatches;
  saver.start({record, 2, {}, 0.0}, CheckpointSaver::Mode::kBackground);
  // Every replica has a copy, so that none hashes while training waits.
  EXPECT_GT(saver.buffer_bytes(), 0u);
  train_step(*model, 101);  // meanwhile
  const SaveOutcome outcome = saver.finish();
  EXPECT_EQ(outcome.error, "");
  EXPECT_EQ(outcome.record.state_hash, expected);
  EXPECT_EQ(restore_checkpoint(directory(1), *model).state_hash, expected);
}

TEST_P(ShardedCheckpoint, latest_points_to_the_last_one_saved) {
  auto model = make_model();
  for (int64_t step = 1; step <= 2; ++step) {
    train_step(*model, step);
    save(*model, step);
    world().barrier();
    EXPECT_EQ(std::filesystem::read_symlink(root_ / "latest"), fmt::format("step-{}", step));
    world().barrier();
  }
}

TEST_P(ShardedCheckpoint, state_that_is_not_finite_is_never_saved) {
  auto model = make_model();
  train_step(*model, 1);
  // One element, which only one rank holds: the last that holds anything of the last stage.
  TrainableShard& shard = model->trainable_shards().back();
  const auto pieces = shard.layout->pieces(world().rank());
  const auto counts = world().all_gather_text(std::to_string(pieces.size()));
  int holder = world().size() - 1;
  while (counts[static_cast<size_t>(holder)] == "0") --holder;
  if (world().rank() == holder) {
    shard.adam_v.data_ptr<float>()[pieces.back().shard_offset + pieces.back().count - 1] =
        std::numeric_limits<float>::infinity();
  }
  EXPECT_THROW(save(*model, 1), AgreedError);
  EXPECT_FALSE(std::filesystem::exists(directory(1)));
}

// A parameter whose slice was written by two ranks: a reader that opens one file finds half of it.
TEST_P(ShardedCheckpoint, fewer_ranks_read_what_more_have_written) {
  if (world().size() % 2 != 0) return;  // no two replicas
  auto model = make_model();
  train_step(*model, 1);
  const CommitRecord saved = save(*model, 1);
  ASSERT_EQ(saved.world_size, world().size());
  ShardingOptions two_replicas;
  two_replicas.num_replicas = 2;
  auto fewer = make_model(two_replicas);
  ASSERT_EQ(fewer->mesh().shard().size(), world().size() / 2);
  restore_checkpoint(directory(1), *fewer);
  EXPECT_EQ(state_hash(*fewer, 1, kMicroBatches), saved.state_hash);
}

// A rank whose slice begins in the middle of what one rank has written.
TEST_P(ShardedCheckpoint, more_ranks_read_what_fewer_have_written) {
  if (world().size() % 2 != 0) return;  // no two replicas
  ShardingOptions two_replicas;
  two_replicas.num_replicas = 2;
  auto model = make_model(two_replicas);
  train_step(*model, 1);
  const CommitRecord saved = save(*model, 1);
  ASSERT_EQ(saved.world_size, world().size() / 2);
  auto more = make_model();
  ASSERT_EQ(more->mesh().shard().size(), world().size());
  restore_checkpoint(directory(1), *more);
  EXPECT_EQ(state_hash(*more, 1, kMicroBatches), saved.state_hash);
}

INSTANTIATE_TEST_SUITE_P(FullAndLora, ShardedCheckpoint,
                         testing::Values(Training::kFull, Training::kLora),
                         [](const auto& parameter) {
                           return parameter.param == Training::kFull ? "full" : "lora";
                         });

}  // namespace
}  // namespace temper
