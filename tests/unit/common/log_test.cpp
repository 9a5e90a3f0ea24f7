#include "common/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace temper {
namespace {

class LogTest : public testing::Test {
 protected:
  ~LogTest() override { log::set_rank(0, 1); }

  template <typename Action>
  std::string spoken(Action&& action) {
    testing::internal::CaptureStderr();
    action();
    return testing::internal::GetCapturedStderr();
  }
};

TEST_F(LogTest, rank_zero_speaks_on_stderr) {
  EXPECT_EQ(spoken([] { log::info("step {}", 3); }), "temper: step 3\n");
  EXPECT_EQ(spoken([] { log::warning("late"); }), "temper: warning: late\n");
  EXPECT_EQ(spoken([] { log::error("bad"); }), "temper: error: bad\n");
}

TEST_F(LogTest, other_ranks_speak_of_errors_only) {
  log::set_rank(2, 4);
  EXPECT_EQ(spoken([] { log::info("step"); }), "");
  EXPECT_EQ(spoken([] { log::warning("late"); }), "");
  EXPECT_EQ(spoken([] { log::error("bad"); }), "temper: error on rank 2: bad\n");
}

TEST_F(LogTest, braces_in_a_text_are_kept) {
  EXPECT_EQ(spoken([] { log::info_text("{} {0}"); }), "temper: {} {0}\n");
}

TEST_F(LogTest, control_characters_are_shown_not_obeyed) {
  for (const auto say : {log::info_text, log::warning_text, log::error_text}) {
    const std::string said = spoken([&] { say("tensor \x1b]0;owned\x07"); });
    EXPECT_THAT(said, testing::EndsWith("tensor \\u001b]0;owned\\u0007\n"));
  }
}

}  // namespace
}  // namespace temper
