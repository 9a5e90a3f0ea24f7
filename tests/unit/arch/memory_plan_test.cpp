#include "arch/memory_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "arch/layout/working_memory.h"
#include "arch/memory_fit.h"
#include "common/error.h"
#include "tests/fixtures/names.h"
#include "tests/unit/arch/tiny_models.h"
#include "tests/unit/error_text.h"

namespace temper {
namespace {

using testing::AllOf;
using testing::HasSubstr;

// Elements of tiny_llama's buckets, every parameter padded to 256: the embedding, one block, the
// head with the last norm.
constexpr int64_t kEmbedding = 256 * 64;
constexpr int64_t kBlock = 256 + 64 * 64 + 2 * 32 * 64 + 64 * 64 + 3 * 64 * 176 + 256;
constexpr int64_t kHead = 256 + 256 * 64;
constexpr int64_t kAll = kEmbedding + 2 * kBlock + kHead;

RunConfig small_run() {
  RunConfig config;
  config.micro_batch_size = 2;
  config.global_batch_size = 8;
  config.save_minutes = 0.0;
  return config;
}

RunSize size_of(int num_ranks, int ranks_per_node) {
  RunSize size;
  size.sequence_len = 32;
  size.num_ranks = num_ranks;
  size.ranks_per_node = ranks_per_node;
  return size;
}

LoraConfig query_adapter(const ModelConfig& model) {
  LoraConfig lora;
  lora.r = 8;
  lora.target_modules = {"q_proj"};
  resolve_lora_targets(lora, model);
  return lora;
}

TEST(MemoryPlanTest, one_rank_holds_everything) {
  const MemoryPlan plan = plan_memory(tiny_llama(), nullptr, small_run(), size_of(1, 1));
  ASSERT_EQ(plan.ranks.size(), 1u);
  const RankMemory& rank = plan.ranks[0];
  EXPECT_EQ(rank.trainable_weights, 4 * kAll);
  EXPECT_EQ(rank.frozen_weights, 0);
  EXPECT_EQ(rank.gradients, 4 * kAll);
  EXPECT_EQ(rank.optimizer, 8 * kAll);
  EXPECT_EQ(rank.gathered_weights, 0);  // in one place already
  EXPECT_EQ(rank.leaf_gradients, 4 * kBlock);
  EXPECT_EQ(rank.messages, 0);
  EXPECT_EQ(rank.data, static_cast<int64_t>(kMicroBatchesAhead + 2) * 2 * 32 * 24);
  // Without padding: norms have 64 elements.
  EXPECT_EQ(plan.checkpoint_bytes, 12 * (kAll - 5 * (256 - 64)));
  EXPECT_EQ(plan.shared_memory_bytes, 0);
  EXPECT_EQ(plan.node_bytes(), rank.total());
}

TEST(MemoryPlanTest, ranks_of_a_node_share) {
  const MemoryPlan plan = plan_memory(tiny_llama(), nullptr, small_run(), size_of(2, 2));
  const RankMemory& rank = plan.ranks[1];
  // The head's half is padded once more.
  const int64_t half = (kAll + 2 * 128) / 2;
  EXPECT_EQ(rank.trainable_weights, 4 * half);
  EXPECT_EQ(rank.optimizer, 8 * half);
  EXPECT_EQ(rank.gathered_weights, 0);
  EXPECT_EQ(plan.shared_memory_bytes, 4 * 2 * half + 2 * 4 * kBlock);
  EXPECT_EQ(plan.node_bytes(), plan.ranks[0].total() + plan.ranks[1].total());
}

TEST(MemoryPlanTest, ranks_of_two_nodes_gather) {
  const MemoryPlan plan = plan_memory(tiny_llama(), nullptr, small_run(), size_of(2, 1));
  const RankMemory& rank = plan.ranks[0];
  // Even stages: embedding, second block; odd: first block, head. The head's padding: see above.
  EXPECT_EQ(rank.gathered_weights, 4 * (kBlock + kBlock));
  EXPECT_EQ(rank.messages, 4 * kBlock / 2);
  EXPECT_EQ(plan.shared_memory_bytes, 0);
  EXPECT_EQ(plan.node_bytes(), rank.total());
  // Or keep them.
  RunConfig config = small_run();
  config.reshard_after_forward = false;
  const RankMemory whole = plan_memory(tiny_llama(), nullptr, config, size_of(2, 1)).ranks[0];
  EXPECT_EQ(whole.trainable_weights, 4 * (kAll + 2 * 128));
  EXPECT_EQ(whole.gathered_weights, 0);
}

TEST(MemoryPlanTest, one_tied_matrix_has_two_sums) {
  ModelConfig model = tiny_llama();
  model.tie_word_embeddings = true;
  const MemoryPlan plan = plan_memory(model, nullptr, small_run(), size_of(1, 1));
  const int64_t all = kEmbedding + 2 * kBlock + 256;
  EXPECT_EQ(plan.ranks[0].trainable_weights, 4 * all);
  EXPECT_EQ(plan.ranks[0].gradients, 4 * (all + kEmbedding));
}

TEST(MemoryPlanTest, adapters_beside_a_frozen_base) {
  const ModelConfig model = tiny_llama();
  const LoraConfig lora = query_adapter(model);
  RunConfig config = small_run();
  config.adapter = "lora";
  const int64_t adapters = 2 * (8 * 64 + 64 * 8);
  const auto rank = [&](BasePlacement placement) {
    config.base_placement = placement;
    return plan_memory(model, &lora, config, size_of(4, 2)).ranks[0];
  };
  const RankMemory shared = rank(BasePlacement::kNodeShared);
  EXPECT_EQ(shared.frozen_weights, 4 * kAll / 2);
  // Adapters are small: every rank of several nodes keeps them all.
  EXPECT_EQ(shared.trainable_weights, 4 * adapters);
  EXPECT_EQ(shared.optimizer, 8 * adapters / 4);
  EXPECT_EQ(rank(BasePlacement::kReplicated).frozen_weights, 4 * kAll);
  EXPECT_LT(rank(BasePlacement::kSharded).frozen_weights, 4 * kAll / 3);
  EXPECT_GT(rank(BasePlacement::kSharded).gathered_weights, 2 * 4 * kBlock - 1);
}

TEST(MemoryPlanTest, every_part_is_in_the_total_and_the_table) {
  RunConfig config = small_run();
  config.save_steps = 1;
  MemoryPlan plan = plan_memory(tiny_llama(), nullptr, config, size_of(2, 1));
  RankMemory& rank = plan.ranks[0];
  rank.frozen_weights = 1 << 20;
  int64_t sum = 0;
  for (const auto& [name, bytes] : rank.parts()) {
    EXPECT_GT(bytes, 0) << name;
    sum += bytes;
  }
  EXPECT_EQ(sum, rank.total());
  const std::vector<std::string> table = memory_table(plan);
  EXPECT_EQ(table.size(), rank.parts().size() + 2);
  EXPECT_THAT(table[2], AllOf(HasSubstr("frozen weights"), HasSubstr("1.0 MiB")));
  EXPECT_THAT(table.back(), HasSubstr("total"));
}

TEST(MemoryPlanTest, a_background_save_takes_a_copy_where_there_is_one) {
  RunConfig config = small_run();
  config.save_steps = 10;
  RunSize size = size_of(2, 2);
  const auto copy = [&](size_t rank) {
    return plan_memory(tiny_llama(), nullptr, config, size).ranks[rank].save_copy;
  };
  const int64_t block = copy(0) / 2;  // of the state; no file here is larger than a block
  EXPECT_EQ(copy(0) + copy(1),
            2 * plan_memory(tiny_llama(), nullptr, config, size).checkpoint_bytes);
  config.async_save = false;
  EXPECT_EQ(copy(0), block);
  config.async_save = true;
  size.max_steps = 10;  // only at the end, when nothing waits
  EXPECT_EQ(copy(0), block);
  size.max_steps = 11;
  EXPECT_EQ(copy(0), 2 * block);
  size.max_steps = 10;
  config.save_minutes = 15.0;  // saves may come at any time
  EXPECT_EQ(copy(0), 2 * block);
  // Each replica's state is copied, to be hashed; one is written.
  config.dp_replicate_size = 2;
  EXPECT_EQ(copy(1), plan_memory(tiny_llama(), nullptr, config, size).checkpoint_bytes);
  EXPECT_EQ(copy(0), 2 * copy(1));
}

TEST(MemoryPlanTest, saves_of_a_gpu_take_memory_of_the_host) {
  const RunConfig config = small_run();
  const int64_t state = plan_memory(tiny_llama(), nullptr, config, size_of(1, 1)).checkpoint_bytes;
  // A copy, and a block that is written from; no file here is larger than a block.
  EXPECT_EQ(host_bytes_of_gpu_saves(tiny_llama(), nullptr, config, size_of(1, 1)), 2 * state);
}

TEST(MemoryPlanTest, activations_follow_the_settings) {
  ModelConfig model = tiny_llama();
  model.num_layers = 8;
  const auto activations = [&](const RunConfig& config, int64_t held_out = 0) {
    RunSize size = size_of(1, 1);
    size.sequence_len = 1024;
    size.evaluated_row_tokens = held_out;
    return plan_memory(model, nullptr, config, size).ranks[0].activations;
  };
  RunConfig config = small_run();
  const int64_t all = activations(config);
  config.micro_batch_size = 1;
  EXPECT_NEAR(static_cast<double>(activations(config)) / static_cast<double>(all), 0.5, 0.05);
  config = small_run();
  config.gradient_checkpointing = true;
  const int64_t none = activations(config);
  config.gradient_checkpointing_every = 2;
  const int64_t half = activations(config);
  EXPECT_LT(none, half);
  EXPECT_LT(half, all);
  EXPECT_EQ(activations(small_run(), 1024), all);
  EXPECT_GT(activations(small_run(), 16384), all);
}

TEST(MemoryFitTest, says_what_is_needed_and_what_to_change) {
  const ModelConfig model = tiny_llama();
  RunConfig config = small_run();
  config.micro_batch_size = 64;
  const PlannedRun run{model, nullptr, config, size_of(2, 2)};
  const MemoryPlan plan = plan_memory(model, nullptr, config, run.size);
  const int64_t needed = plan.node_bytes();
  require_memory(run, plan, {needed, "MemAvailable"}, 0);
  require_memory(run, plan, {0, ""}, 0);  // nobody says
  require_memory(run, plan, {needed - 100, "MemAvailable"}, 100);
  const std::string error = error_text<UserError>([&] {
    require_memory(run, plan, {needed - 1, "the limit"}, 0);
  });
  EXPECT_THAT(error, names(format_bytes(needed), "2 ranks", "the limit", "micro_batch_size: 1 (",
                           ", fits)"));
}

TEST(MemoryFitTest, remedies_lower_the_need) {
  const ModelConfig model = tiny_llama();
  const LoraConfig lora = query_adapter(model);
  RunConfig config = small_run();
  config.base_placement = BasePlacement::kReplicated;
  config.reduce_gradients = GradientReduction::kOncePerStep;
  config.save_steps = 1;
  const PlannedRun run{model, &lora, config, size_of(4, 2)};
  const int64_t now = plan_memory(model, &lora, config, run.size).node_bytes();
  const auto remedies = memory_remedies(run);
  ASSERT_FALSE(remedies.empty());
  int64_t last = 0;
  for (const MemoryRemedy& remedy : remedies) {
    EXPECT_LT(remedy.bytes, now) << remedy.change;
    EXPECT_GE(remedy.bytes, last);
    last = remedy.bytes;
  }
}

TEST(GpuMemoryPlanTest, shares_nothing_and_computes_in_bf16) {
  const ModelConfig model = tiny_llama();
  RunConfig config = small_run();
  config.bf16 = true;
  const RankMemory full = plan_gpu_memory(model, nullptr, config, size_of(1, 1));
  EXPECT_EQ(full.trainable_weights, 4 * kAll);  // master weights
  EXPECT_EQ(full.gathered_weights, 2 * 2 * kBlock);
  EXPECT_EQ(full.optimizer, 8 * kAll);
  EXPECT_EQ(full.data + full.save_copy + full.messages, 0);  // the host's, and no other ranks
  config.reshard_after_forward = false;
  EXPECT_EQ(plan_gpu_memory(model, nullptr, config, size_of(1, 1)).trainable_weights,
            (4 + 2) * kAll);

  const LoraConfig lora = query_adapter(model);
  config.adapter = "lora";
  const RankMemory narrow = plan_gpu_memory(model, &lora, config, size_of(4, 4));
  EXPECT_EQ(narrow.frozen_weights, 2 * kAll);  // whole, however many ranks the node has
  config.bf16 = false;
  const RankMemory wide = plan_gpu_memory(model, &lora, config, size_of(4, 4));
  EXPECT_EQ(wide.frozen_weights, 4 * kAll);
  EXPECT_LT(narrow.activations, wide.activations * 3 / 4);
}

TEST(GpuMemoryPlanTest, refuses_only_what_cannot_be) {
  const ModelConfig model = tiny_llama();
  const RunConfig config = small_run();
  const PlannedRun run{model, nullptr, config, size_of(2, 2)};
  const RankMemory memory = plan_gpu_memory(model, nullptr, config, run.size);
  const int64_t certain = memory.total() - memory.activations - memory.program;
  require_gpu_memory(run, memory, certain);  // activations may be less than planned
  const std::string error =
      error_text<UserError>([&] { require_gpu_memory(run, memory, certain - 1); });
  EXPECT_THAT(error, names(format_bytes(certain - 1), "GPUs", "temper plan --gpu-memory"));
}

TEST(MeshTest, must_fill_the_ranks) {
  RunConfig config;
  config.dp_replicate_size = 2;
  EXPECT_THROW(check_mesh(config, 3), UserError);
  check_mesh(config, 4);
  config.dp_shard_size = 4;
  EXPECT_THROW(check_mesh(config, 4), UserError);
  check_mesh(config, 8);
}

}  // namespace
}  // namespace temper
