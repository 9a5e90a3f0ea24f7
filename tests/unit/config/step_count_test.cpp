#include "config/step_count.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/fixtures/names.h"

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

TEST(StepCount, what_is_advised_makes_enough_steps) {
  for (const double epochs : {0.5, 1.0, 3.0}) {
    for (const int64_t rows : {1, 7, 64, 100, 333}) {
      for (const int64_t micro_batch : {1, 2, 8}) {
        const RunConfig config = epochs_of(epochs, micro_batch, 64);
        const std::string text = few_steps_warning(config, rows, 1);
        ASSERT_EQ(text.empty(), count_steps(config, rows) >= kFewSteps) << text;
        RunConfig changed = config;
        const size_t batch = text.find("global_batch_size to ");
        if (batch != text.npos) {
          changed.global_batch_size = std::atoll(text.c_str() + batch + 21);
          EXPECT_EQ(changed.global_batch_size % micro_batch, 0) << text;
          EXPECT_GE(count_steps(changed, rows), kFewSteps) << text;
          changed = config;
        }
        const size_t more = text.find("num_epochs to ");
        if (more != text.npos) {
          changed.num_epochs = std::atof(text.c_str() + more + 14);
          EXPECT_GE(count_steps(changed, rows), kFewSteps) << text;
        }
      }
    }
  }
}

TEST(StepCount, sentence_has_the_numbers) {
  EXPECT_EQ(few_steps_warning(epochs_of(1.0, 1, 64), 64, 1),
            "1 epoch of 64 rows makes 1 optimizer step of global_batch_size 64, too few to learn "
            "much in: for 20 set global_batch_size to 3 or num_epochs to 20");
  // Each rank needs a micro-batch.
  EXPECT_THAT(few_steps_warning(epochs_of(3.0, 1, 64), 64, 10),
              AllOf(Not(HasSubstr("global_batch_size to")), names("num_epochs to 20")));
  RunConfig config;
  config.max_steps = 5;
  EXPECT_THAT(few_steps_warning(config, 64, 1), names("max_steps", " 5 ", " 20"));
  config.max_steps = 20;
  EXPECT_EQ(few_steps_warning(config, 64, 1), "");
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

TEST(StepCount, warmup_ratio_is_a_share_of_all_steps_rounded_up) {
  RunConfig config;
  config.warmup_ratio = 0.03;
  EXPECT_EQ(count_warmup_steps(config, 101), 4);
  config.warmup_steps = 7;  // steps win over the ratio
  EXPECT_EQ(count_warmup_steps(config, 101), 7);
}

}  // namespace
}  // namespace temper
