#include "launcher/ranks/process.h"

#include <gtest/gtest.h>

#include <csignal>

#include "common/error.h"

namespace temper {
namespace {

using namespace std::chrono_literals;

TEST(Process, captures_both_streams_and_the_code) {
  const CapturedProcess run = run_captured({"sh", "-c", "cat; echo talk >&2; exit 7"}, "in\n");
  EXPECT_EQ(run.status.code, 7);
  EXPECT_EQ(run.standard_output, "in\n");
  EXPECT_EQ(run.standard_error, "talk\n");
  EXPECT_FALSE(run.timed_out);
}

TEST(Process, large_streams_do_not_block) {
  const std::string large(3 << 20, 'x');
  EXPECT_EQ(run_captured({"cat"}, large).standard_output, large);
  // A child that does not read its input.
  EXPECT_EQ(run_captured({"true"}, large).status.code, 0);
}

TEST(Process, environment_and_directory) {
  ProcessOptions options;
  options.environment = {{"TEMPER_TEST_WORD", "blade"}, {"HOME", "elsewhere"}};
  options.directory = "/proc/self";
  const CapturedProcess run = run_captured(
      {"sh", "-c", "echo $TEMPER_TEST_WORD $HOME; test -e environ && echo there"}, "", options);
  EXPECT_EQ(run.standard_output, "blade elsewhere\nthere\n");
}

TEST(Process, killed_by_a_signal) {
  const CapturedProcess run = run_captured({"sh", "-c", "kill -9 $$"});
  EXPECT_EQ(run.status.signal, SIGKILL);
  EXPECT_EQ(run.status.shell_code(), 137);
}

TEST(Process, time_limit_kills) {
  const auto start = std::chrono::steady_clock::now();
  const CapturedProcess run = run_captured({"sleep", "20"}, "", {}, 100ms);
  EXPECT_TRUE(run.timed_out);
  EXPECT_LT(std::chrono::steady_clock::now() - start, 5s);
}

TEST(Process, missing_program) {
  EXPECT_THROW(run_captured({"no-such-program-of-this-name"}), SystemError);
  EXPECT_THROW(run_captured({"/no/such/program"}), SystemError);
  EXPECT_EQ(find_program("no-such-program-of-this-name"), "");
  EXPECT_NE(find_program("sh"), "");
}

}  // namespace
}  // namespace temper
