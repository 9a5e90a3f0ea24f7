#include "common/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "tests/fixtures/names.h"
#include "tests/unit/temporary_directory.h"

namespace temper {
namespace {

std::string read_text(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

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

class LogFileTest : public LogTest {
 protected:
  // No test of this process is to write into it any more.
  ~LogFileTest() override { log::also_write_to("/dev/null"); }

  const TemporaryDirectory directory_;
  const std::filesystem::path path_ = directory_ / "rank-0.log";
};

TEST_F(LogFileTest, keeps_what_is_said_behind_what_is_there) {
  directory_.write("rank-0.log", "before\n");
  EXPECT_EQ(spoken([&] {
              log::also_write_to(path_);
              log::set_rank(1, 2);
              log::info("step {}", 3);
            }),
            "");
  const std::string text = read_text(path_);
  EXPECT_THAT(text, testing::StartsWith("before\n"));
  EXPECT_THAT(text, testing::EndsWith(" info step 3\n"));
}

TEST_F(LogFileTest, planted_link_is_not_followed) {
  const auto mine = directory_.write("mine", "mine\n");
  std::filesystem::create_symlink(mine, path_);
  const std::string said = spoken([&] {
    log::also_write_to(path_);
    log::info("step");
  });
  EXPECT_THAT(said, names("warning: ", path_.string()));
  EXPECT_EQ(read_text(mine), "mine\n");
}

}  // namespace
}  // namespace temper
