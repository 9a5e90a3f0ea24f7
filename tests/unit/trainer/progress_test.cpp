#include "trainer/progress.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <fstream>
#include <limits>
#include <string>
#include <vector>

#include "tests/unit/temporary_directory.h"

namespace temper {
namespace {

class ProgressTest : public ::testing::Test {
 protected:
  std::vector<Json> events() const {
    std::vector<Json> found;
    std::ifstream lines(path_);
    for (std::string line; std::getline(lines, line);) {
      const Json event = Json::parse(line, nullptr, /*allow_exceptions=*/false);
      if (event.is_object()) found.push_back(event);
    }
    return found;
  }

  TemporaryDirectory directory_;
  std::filesystem::path path_ = directory_.path() / "metrics.jsonl";
};

TEST_F(ProgressTest, every_line_says_what_and_when) {
  const double before = static_cast<double>(std::time(nullptr)) - 1.0;
  Progress progress(path_, 10, 1);
  progress.event("start", {{"step", 0}});
  progress.step({.step = 1,
                 .max_steps = 4,
                 .loss = 2.5,
                 .num_tokens = 64,
                 .seconds = 0.5,
                 .data_wait_seconds = 0.25});
  const std::vector<Json> found = events();
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0]["event"], "start");
  EXPECT_EQ(found[1]["event"], "step");
  EXPECT_EQ(found[1]["loss"], 2.5);
  EXPECT_EQ(found[1]["data_wait_seconds"], 0.25);
  EXPECT_GT(found[0]["time"].get<double>(), before);
  EXPECT_GE(found[1]["time"].get<double>(), found[0]["time"].get<double>());
}

TEST_F(ProgressTest, a_loss_that_is_no_number_is_null) {
  Progress(path_, 10, 1).step({.step = 1, .loss = std::numeric_limits<double>::quiet_NaN()});
  EXPECT_TRUE(events().at(0)["loss"].is_null());
}

TEST_F(ProgressTest, step_without_targets_says_so) {
  Progress progress(path_, 1, 1);
  testing::internal::CaptureStderr();
  progress.step({.step = 1, .max_steps = 4});
  EXPECT_NE(testing::internal::GetCapturedStderr().find("step 1/4  no targets, no update"),
            std::string::npos);
  EXPECT_TRUE(events().at(0)["loss"].is_null());
  EXPECT_TRUE(events().at(0)["grad_norm"].is_null());
}

TEST_F(ProgressTest, an_hour_of_log_stays_small_however_fast_the_steps_are) {
  constexpr int64_t kSteps = 2000000;
  Progress progress(path_, 10, 1);
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

TEST_F(ProgressTest, goes_on_after_half_a_line) {
  std::ofstream(path_) << "{\"event\": \"st";
  Progress(path_, 10, 1).event("resume", {});
  ASSERT_EQ(events().size(), 1u);
  EXPECT_EQ(events()[0]["event"], "resume");
}

TEST_F(ProgressTest, estimates_from_the_speed_of_late_steps) {
  Progress progress(path_, 2, 1);
  progress.step({.step = 1, .max_steps = 10, .num_tokens = 100, .seconds = 5.0});
  progress.step({.step = 2, .max_steps = 10, .num_tokens = 100, .seconds = 1.0});
  progress.step({.step = 3, .max_steps = 10, .num_tokens = 100, .seconds = 1.0});
  EXPECT_DOUBLE_EQ(progress.tokens_per_second(), 100.0);
  EXPECT_DOUBLE_EQ(progress.eta_seconds(), 7.0);
}

}  // namespace
}  // namespace temper
