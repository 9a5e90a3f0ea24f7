#include "run/status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "common/error.h"
#include "io/json.h"
#include "tests/fixtures/names.h"
#include "tests/unit/error_text.h"
#include "tests/unit/temporary_directory.h"

namespace temper {
namespace {

TEST(RunStatusTest, what_is_written_is_read) {
  const TemporaryDirectory directory;
  const auto path = directory / "status.json";
  RunStatus status;
  status.attempt = "job-3";
  status.step = 10;
  status.max_steps = 100;
  status.loss = 2.25;
  status.tokens_per_second = 1000.5;
  status.eta_seconds = 60.0;
  status.last_checkpoint_step = 8;
  status.error = "disk full";
  for (const RunState state : {RunState::kStarting, RunState::kTraining, RunState::kStopped,
                               RunState::kFinished, RunState::kFailed}) {
    status.state = state;
    write_run_status(path, status);
    const auto back = read_run_status(path);
    ASSERT_TRUE(back);
    EXPECT_EQ(back->state, state);
    EXPECT_EQ(back->attempt, "job-3");
    EXPECT_EQ(back->step, 10);
    EXPECT_EQ(back->max_steps, 100);
    EXPECT_EQ(back->loss, 2.25);
    EXPECT_EQ(back->tokens_per_second, 1000.5);
    EXPECT_EQ(back->eta_seconds, 60.0);
    EXPECT_EQ(back->last_checkpoint_step, 8);
    EXPECT_EQ(back->error, "disk full");
    EXPECT_THAT(back->updated_at, testing::MatchesRegex("20..-..-..T..:..:..Z"));
  }
  EXPECT_EQ(directory.num_entries(), 1u);
}

TEST(RunStatusTest, states_are_named_in_the_file) {
  const TemporaryDirectory directory;
  RunStatus status;
  status.state = RunState::kStopped;
  write_run_status(directory / "status.json", status);
  const Json json = read_json_file(directory / "status.json");
  EXPECT_EQ(json.at("state"), "stopped");
  EXPECT_THAT(json.at("updated_at").get<std::string>(),
              testing::MatchesRegex("20..-..-..T..:..:..Z"));
}

TEST(RunStatusTest, what_is_not_known_yet_is_no_number) {
  const TemporaryDirectory directory;
  write_run_status(directory / "status.json", RunStatus{});
  const Json json = read_json_file(directory / "status.json");
  EXPECT_TRUE(json.at("loss").is_null());
  EXPECT_TRUE(json.at("tokens_per_second").is_null());
  EXPECT_TRUE(json.at("eta_seconds").is_null());
}

TEST(RunStatusTest, numbers_that_json_cannot_hold_come_back_as_nan) {
  const TemporaryDirectory directory;
  RunStatus status;
  status.loss = std::numeric_limits<double>::quiet_NaN();
  status.eta_seconds = std::numeric_limits<double>::infinity();
  write_run_status(directory / "status.json", status);
  const auto back = read_run_status(directory / "status.json");
  EXPECT_TRUE(std::isnan(back->loss));
  EXPECT_TRUE(std::isnan(back->eta_seconds));
  EXPECT_TRUE(std::isnan(back->tokens_per_second));
}

TEST(RunStatusTest, missing_is_nothing_and_damaged_is_an_error) {
  const TemporaryDirectory directory;
  EXPECT_FALSE(read_run_status(directory / "status.json"));
  const auto path = directory.write("status.json", R"({"state": "sleeping"})");
  EXPECT_THAT(error_text<UserError>([&] { read_run_status(path); }),
              names("\"state\"", "\"sleeping\"", "starting, training"));
}

}  // namespace
}  // namespace temper
