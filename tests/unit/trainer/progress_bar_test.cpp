#include "trainer/progress_bar.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>

namespace temper {
namespace {

TEST(ProgressBar, step_without_targets_says_so) {
  ProgressBar progress(1, 1);
  testing::internal::CaptureStderr();
  progress.step({.step = 1, .max_steps = 4});
  EXPECT_NE(testing::internal::GetCapturedStderr().find("step 1/4  no targets, no update"),
            std::string::npos);
}

TEST(ProgressBar, an_hour_of_log_stays_small_however_fast_the_steps_are) {
  constexpr int64_t kSteps = 2000000;
  ProgressBar progress(10, 1);
  const auto start = std::chrono::steady_clock::now();
  testing::internal::CaptureStderr();
  for (const int64_t step : {10, 20, 30, 40, 50, 60, 70, 80, 90, 100}) {
    progress.step({.step = kSteps - 110 + step,
                   .max_steps = kSteps,
                   .epoch = 1234.5,
                   .loss = 12.3456,
                   .grad_norm = 123.456,
                   .learning_rate = 1e-4,
                   .num_targets = 1000,
                   .num_tokens = 1000000,
                   .rows_consumed = 1,
                   .seconds = 0.01});
  }
  const std::string text = testing::internal::GetCapturedStderr();
  const auto num_lines = std::count(text.begin(), text.end(), '\n');
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  ASSERT_GT(num_lines, 0);
  EXPECT_LE(static_cast<double>(num_lines), 1.0 + seconds / 5.0);
  // 720 lines of this length.
  EXPECT_LT(text.size() / static_cast<size_t>(num_lines) * 720, 100000u);
}

TEST(ProgressBar, estimates_from_the_speed_of_late_steps) {
  ProgressBar progress(2, 1);
  progress.step({.step = 1, .max_steps = 10, .num_tokens = 100, .seconds = 5.0});
  progress.step({.step = 2, .max_steps = 10, .num_tokens = 100, .seconds = 1.0});
  progress.step({.step = 3, .max_steps = 10, .num_tokens = 100, .seconds = 1.0});
  EXPECT_DOUBLE_EQ(progress.tokens_per_second(), 100.0);
  EXPECT_DOUBLE_EQ(progress.eta_seconds(), 7.0);
}

}  // namespace
}  // namespace temper
