#include "run/status_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/faults/fault_plan.h"
#include "tests/fixtures/names.h"
#include "tests/unit/error_text.h"
#include "tests/unit/temporary_directory.h"

namespace temper {
namespace {

class StatusWriterTest : public ::testing::Test {
 protected:
  StatusWriterTest() { run_.take_ownership(); }
  ~StatusWriterTest() override { faults::disarm(); }

  static RunStatus status(RunState state, int64_t step) {
    RunStatus status;
    status.attempt = "mine";
    status.state = state;
    status.step = step;
    return status;
  }
  static void fail(const std::string& match, bool from_then_on) {
    faults::Plan plan;
    plan.call = 1;
    plan.action = faults::Action::kFail;
    plan.from_then_on = from_then_on;
    plan.match = match;
    faults::arm(plan);
  }

  TemporaryDirectory directory_;
  OwnedRunDirectory run_{directory_.path(), "mine"};
  StatusWriter writer_{run_};
};

TEST_F(StatusWriterTest, what_fails_is_said_once_and_done_the_next_time) {
  writer_.write(status(RunState::kTraining, 1));
  testing::internal::CaptureStderr();
  fail("status.json", true);
  writer_.write(status(RunState::kTraining, 2));
  writer_.write(status(RunState::kTraining, 3));
  faults::disarm();
  EXPECT_EQ(read_run_status(run_.status_path())->step, 1);
  writer_.write(status(RunState::kTraining, 4));
  EXPECT_EQ(read_run_status(run_.status_path())->step, 4);
  const std::string said = testing::internal::GetCapturedStderr();
  const size_t warning = said.find("the run's state cannot be written");
  EXPECT_NE(warning, said.npos);
  EXPECT_EQ(said.find("cannot be written", warning + 25), said.npos);
  EXPECT_THAT(said, names("written again"));
}

TEST_F(StatusWriterTest, last_word_is_tried_again_and_never_thrown) {
  fail("status.json", false);
  writer_.write_end(status(RunState::kFinished, 6));
  EXPECT_EQ(read_run_status(run_.status_path())->state, RunState::kFinished);
  fail("status.json", true);
  testing::internal::CaptureStderr();
  writer_.write_end(status(RunState::kStopped, 7));
  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              names(run_.status_path().string(), "is stopped"));
}

TEST_F(StatusWriterTest, run_of_another_attempt_is_left_alone) {
  OwnedRunDirectory(run_.root(), "other").take_ownership();
  EXPECT_THAT(error_text<LostRunError>([&] { writer_.write(status(RunState::kTraining, 1)); }),
              names("attempt other", "(mine)"));
  EXPECT_FALSE(read_run_status(run_.status_path()));
}

TEST_F(StatusWriterTest, owner_that_cannot_be_read_now_is_no_loss_of_the_run) {
  fail("owner", true);
  EXPECT_NO_THROW(writer_.write(status(RunState::kTraining, 1)));
  EXPECT_FALSE(read_run_status(run_.status_path()));
  faults::disarm();
  writer_.write(status(RunState::kTraining, 2));
  EXPECT_EQ(read_run_status(run_.status_path())->step, 2);
}

TEST_F(StatusWriterTest, end_that_the_watchdog_has_recorded_stays) {
  write_run_status(run_.status_path(), status(RunState::kFailed, 3));
  writer_.write(status(RunState::kTraining, 4));
  EXPECT_EQ(read_run_status(run_.status_path())->state, RunState::kFailed);
}

}  // namespace
}  // namespace temper
