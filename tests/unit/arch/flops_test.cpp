#include "arch/flops.h"

#include <gtest/gtest.h>

#include "arch/parameters.h"
#include "tests/unit/arch/tiny_models.h"

namespace temper {
namespace {

constexpr double kTokens = 1000, kTargets = 250;

// Of tiny_llama: matrices of both blocks, of the head, and one product with the keys or values.
constexpr double kBlocks = 2.0 * (2 * 64 * 64 + 2 * 32 * 64 + 3 * 64 * 176);
constexpr double kHead = 256.0 * 64;
constexpr double kProduct = 2.0 * kTokens * 64 * (100 + 1) / 2;

TEST(FlopsTest, full_training_is_six_times_the_parameters_and_attention) {
  const TrainingFlops flops = training_flops(tiny_llama(), nullptr, {}, kTokens, kTargets, 100);
  const double matrices = kTokens * kBlocks + kTargets * kHead;
  EXPECT_DOUBLE_EQ(flops.forward, 2 * matrices + 2 * 2 * kProduct);
  EXPECT_DOUBLE_EQ(flops.backward, 4 * matrices + 2 * 5 * kProduct);
  EXPECT_DOUBLE_EQ(flops.attention, 2 * 7 * kProduct);
  EXPECT_DOUBLE_EQ(flops.recomputed, 0);
  EXPECT_DOUBLE_EQ(flops.total(), flops.forward + flops.backward);
}

TEST(FlopsTest, checkpointed_blocks_run_forward_twice) {
  ShardingOptions options;
  options.checkpoint_every = 1;
  const TrainingFlops flops =
      training_flops(tiny_llama(), nullptr, options, kTokens, kTargets, 100);
  EXPECT_DOUBLE_EQ(flops.recomputed, 2 * kTokens * kBlocks + 2 * 2 * kProduct);
  options.checkpoint_every = 2;  // of stages 1 and 2 the second
  EXPECT_DOUBLE_EQ(
      training_flops(tiny_llama(), nullptr, options, kTokens, kTargets, 100).recomputed,
      flops.recomputed / 2);
}

TEST(FlopsTest, a_frozen_base_has_no_weight_gradients) {
  const ModelConfig model = tiny_llama();
  LoraConfig lora;
  lora.r = 4;
  lora.target_modules = {"layers.1.mlp.up_proj"};
  resolve_lora_targets(lora, model);
  const TrainingFlops flops = training_flops(model, &lora, {}, kTokens, kTargets, 100);
  const double adapter = kTokens * 4 * (64 + 176);
  EXPECT_DOUBLE_EQ(flops.forward,
                   2 * (kTokens * kBlocks + kTargets * kHead + adapter) + 4 * kProduct);
  // The first block has no backward at all.
  EXPECT_DOUBLE_EQ(flops.backward,
                   2 * (kTokens * kBlocks / 2 + kTargets * kHead) + 4 * adapter + 5 * kProduct);
}

TEST(FlopsTest, a_window_bounds_the_keys) {
  ModelConfig model = tiny_llama();
  model.sliding_window = 10;
  const TrainingFlops flops = training_flops(model, nullptr, {}, kTokens, kTargets, 100);
  const double keys = (10 * 11 / 2 + 90 * 10) / 100.0;
  EXPECT_DOUBLE_EQ(flops.attention, 2 * 7 * 2.0 * kTokens * 64 * keys);
}

}  // namespace
}  // namespace temper
