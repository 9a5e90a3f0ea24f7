#include "launcher/ranks/run_outcome.h"
#include "tests/fixtures/names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

namespace temper {
namespace {

RunStatus status(RunState state, const std::string& attempt) {
  RunStatus result;
  result.state = state;
  result.attempt = attempt;
  return result;
}

TEST(RunOutcome, codes_of_our_own_are_believed) {
  for (const int code : {0, 1, 2, 75, 76}) {
    const RunOutcome outcome = judge_outcome({code, 0}, {}, {});
    EXPECT_EQ(outcome.exit_code, code);
    EXPECT_EQ(outcome.message, "");
  }
}

TEST(RunOutcome, killed_rank_is_a_failure_that_names_the_signal) {
  const RunOutcome outcome = judge_outcome({137, 0}, {}, status(RunState::kTraining, "a"));
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.message, names("signal 9"));
  EXPECT_EQ(judge_outcome({0, SIGSEGV}, {}, {}).exit_code, 1);
}

TEST(RunOutcome, state_of_this_attempt_decides_a_doubtful_code) {
  const RunStatus before = status(RunState::kStopped, "old");
  EXPECT_EQ(judge_outcome({143, 0}, before, status(RunState::kStopped, "new")).exit_code, 75);
  EXPECT_EQ(judge_outcome({1, 0}, before, status(RunState::kStopped, "new")).exit_code, 75);
  EXPECT_EQ(judge_outcome({143, 0}, before, status(RunState::kFinished, "new")).exit_code, 0);
  EXPECT_EQ(judge_outcome({143, 0}, before, status(RunState::kTraining, "new")).exit_code, 1);
}

TEST(RunOutcome, stalled_rank_in_the_end_of_a_finished_run_takes_nothing_away) {
  EXPECT_EQ(judge_outcome({76, 0}, {}, status(RunState::kFinished, "a")).exit_code, 0);
  EXPECT_EQ(judge_outcome({76, 0}, {}, status(RunState::kTraining, "a")).exit_code, 76);
}

TEST(RunOutcome, death_that_another_rank_has_reported_is_not_told_twice) {
  const RunOutcome outcome = judge_outcome({137, 0}, {}, status(RunState::kFailed, "a"));
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_EQ(outcome.message, "");
}

TEST(RunOutcome, state_of_an_earlier_attempt_does_not) {
  const RunStatus before = status(RunState::kStopped, "old");
  EXPECT_EQ(judge_outcome({1, 0}, before, before).exit_code, 1);
  EXPECT_EQ(judge_outcome({132, 0}, before, before).exit_code, 1);
}

}  // namespace
}  // namespace temper
