#include "trainer/lr_schedule.h"

#include <gtest/gtest.h>

namespace temper {
namespace {

RunConfig config_with(const std::string& scheduler) {
  RunConfig config;
  config.learning_rate = 1e-3;
  config.lr_scheduler = scheduler;
  return config;
}

TEST(LrSchedule, constant_without_warmup_never_changes) {
  const LrSchedule schedule(config_with("constant"), 100);
  EXPECT_DOUBLE_EQ(schedule.at(1), 1e-3);
  EXPECT_DOUBLE_EQ(schedule.at(100), 1e-3);
}

TEST(LrSchedule, warmup_rises_linearly_to_the_peak) {
  RunConfig config = config_with("constant");
  config.warmup_steps = 10;
  const LrSchedule schedule(config, 100);
  EXPECT_DOUBLE_EQ(schedule.at(1), 1e-4);
  EXPECT_DOUBLE_EQ(schedule.at(5), 5e-4);
  EXPECT_DOUBLE_EQ(schedule.at(10), 1e-3);
  EXPECT_DOUBLE_EQ(schedule.at(11), 1e-3);
}

TEST(LrSchedule, linear_reaches_the_floor_after_the_last_step) {
  RunConfig config = config_with("linear");
  config.min_lr_ratio = 0.1;
  const LrSchedule schedule(config, 100);
  EXPECT_DOUBLE_EQ(schedule.at(1), 1e-3);
  EXPECT_NEAR(schedule.at(51), 1e-4 + 9e-4 * 0.5, 1e-12);
  EXPECT_NEAR(schedule.at(100), 1e-4 + 9e-4 * 0.01, 1e-12);
}

TEST(LrSchedule, cosine_is_half_way_in_the_middle) {
  const LrSchedule schedule(config_with("cosine"), 100);
  EXPECT_DOUBLE_EQ(schedule.at(1), 1e-3);
  EXPECT_NEAR(schedule.at(51), 5e-4, 1e-12);
  EXPECT_GT(schedule.at(100), 0.0);
  EXPECT_LT(schedule.at(100), 1e-6);
}

}  // namespace
}  // namespace temper
