#include "config/step_count.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

namespace temper {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

RunConfig epochs_of(double num_epochs, int64_t micro_batch_size, int64_t global_batch_size) {
  RunConfig config;
  config.num_epochs = num_epochs;
  config.micro_batch_size = micro_batch_size;
  config.global_batch_size = global_batch_size;
  return config;
}

TEST(StepCount, is_given_or_follows_from_the_epochs) {
  RunConfig config = epochs_of(1.5, 1, 8);
  EXPECT_EQ(count_steps(config, 100), 19);
  config.num_epochs = 0.001;
  EXPECT_EQ(count_steps(config, 100), 1);
  config.max_steps = 12;
  EXPECT_EQ(count_steps(config, 1000), 12);
}

TEST(StepCount, saves_may_come_before_the_end) {
  RunConfig config;
  config.save_minutes = 0.0;
  EXPECT_FALSE(saves_before_end(config, 0, 100));
  config.save_steps = 10;
  EXPECT_TRUE(saves_before_end(config, 0, 11));
  EXPECT_FALSE(saves_before_end(config, 0, 10));
  EXPECT_FALSE(saves_before_end(config, 90, 100));
  EXPECT_TRUE(saves_before_end(config, 0, 0));
  config.save_steps = 0;
  config.save_minutes = 15.0;
  EXPECT_TRUE(saves_before_end(config, 0, 2));
  EXPECT_FALSE(saves_before_end(config, 0, 1));
}

}  // namespace
}  // namespace temper
