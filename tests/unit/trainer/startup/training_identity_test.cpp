#include "trainer/startup/training_identity.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

namespace temper {
namespace {

RunConfig small_config() {
  RunConfig config;
  config.learning_rate = 1e-3;
  config.lr_scheduler = "constant";
  config.warmup_ratio = 0.0;
  config.warmup_steps = 0;
  config.max_steps = 100;
  config.adapter = "lora";
  return config;
}

std::string identity(const RunConfig& config) {
  return training_identity(config, 1000);
}

TEST(TrainingIdentity, everything_that_changes_the_mathematics_changes_it) {
  const std::vector<std::function<void(RunConfig&)>> changes = {
      [](RunConfig& c) { c.adapter = ""; },
      [](RunConfig& c) { c.lora_r = 3; },
      [](RunConfig& c) { c.lora_alpha = 3; },
      [](RunConfig& c) { c.lora_dropout = 0.3; },
      [](RunConfig& c) { c.use_rslora = !c.use_rslora; },
      [](RunConfig& c) { c.lora_target_modules = {"q_proj"}; },
      [](RunConfig& c) { c.lora_modules_to_save = {"lm_head"}; },
      [](RunConfig& c) { c.micro_batch_size = 3; },
      [](RunConfig& c) { c.global_batch_size = 12; },
      [](RunConfig& c) { c.learning_rate = 2e-3; },
      [](RunConfig& c) { c.lr_scheduler = "cosine"; },
      [](RunConfig& c) { c.warmup_steps = 7; },
      [](RunConfig& c) { c.min_lr_ratio = 0.3; },
      [](RunConfig& c) { c.weight_decay = 0.3; },
      [](RunConfig& c) { c.adam_beta1 = 0.3; },
      [](RunConfig& c) { c.adam_beta2 = 0.3; },
      [](RunConfig& c) { c.adam_epsilon = 0.3; },
      [](RunConfig& c) { c.max_grad_norm = 0.3; },
      [](RunConfig& c) { c.shuffle = !c.shuffle; },
      [](RunConfig& c) { c.seed += 1; }};
  for (size_t i = 0; i < changes.size(); ++i) {
    RunConfig changed = small_config();
    changes[i](changed);
    EXPECT_NE(identity(changed), identity(small_config())) << "change " << i;
  }
}

TEST(TrainingIdentity, what_only_changes_how_it_is_done_does_not) {
  RunConfig changed = small_config();
  changed.save_steps = 7;
  changed.eval_steps = 7;
  changed.threads_per_rank = 2;
  changed.save_total_limit = 7;
  changed.dp_replicate_size = 2;
  EXPECT_EQ(identity(changed), identity(small_config()));
}

TEST(TrainingIdentity, constant_rate_may_be_extended_unless_its_warm_up_grows) {
  RunConfig longer = small_config();
  longer.max_steps = 200;
  EXPECT_EQ(identity(longer), identity(small_config()));

  RunConfig warm = small_config();
  warm.warmup_ratio = 0.1;
  RunConfig longer_warm = warm;
  longer_warm.max_steps = 200;
  EXPECT_NE(identity(longer_warm), identity(warm));
  // The same warm-up, said in another way.
  longer_warm.warmup_ratio = 0.0;
  longer_warm.warmup_steps = 10;
  EXPECT_EQ(identity(longer_warm), identity(warm));

  RunConfig cosine = small_config();
  cosine.lr_scheduler = "cosine";
  RunConfig longer_cosine = cosine;
  longer_cosine.max_steps = 200;
  EXPECT_NE(identity(longer_cosine), identity(cosine));
}

}  // namespace
}  // namespace temper
