#include "launcher/start/next_action.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

#include "common/error.h"
#include "tests/fixtures/names.h"

namespace temper {
namespace {

using ::testing::ElementsAre;

RanksEnd stopped(int signal, int64_t checkpoint_step) {
  RanksEnd end;
  end.exit_code = kExitStopped;
  end.stop_signal = signal;
  end.has_begun = true;
  end.checkpoint_step = checkpoint_step;
  return end;
}

RanksEnd crashed(int64_t checkpoint_step, const std::string& node = "") {
  RanksEnd end;
  end.exit_code = kExitFailed;
  end.has_begun = true;
  end.checkpoint_step = checkpoint_step;
  end.failure = "rank 1 ended with signal 9";
  end.failed_node = node;
  return end;
}

TEST(NextAction, end_is_the_end) {
  JobRecord record;
  RanksEnd end;
  end.checkpoint_step = 100;
  EXPECT_EQ(decide_next(end, {}, record).action, NextAction::kEnd);
  end.exit_code = kExitUserError;
  EXPECT_EQ(decide_next(end, {}, record).action, NextAction::kEnd);
  EXPECT_EQ(record.total_requeues, 0);
}

TEST(NextAction, time_that_is_nearly_up_goes_back_into_the_queue) {
  JobRecord record;
  EXPECT_EQ(decide_next(stopped(SIGUSR1, 10), {}, record).action, NextAction::kRequeue);
  // max_wall_time sends no signal.
  EXPECT_EQ(decide_next(stopped(0, 20), {}, record).action, NextAction::kRequeue);
  EXPECT_EQ(record.total_requeues, 2);
  EXPECT_EQ(record.requeues, 0);
  EXPECT_EQ(record.progress_step, 20);
}

TEST(NextAction, wish_to_end_is_respected) {
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) {
    JobRecord record;
    const NextStep next = decide_next(stopped(signal, 10), {}, record);
    EXPECT_EQ(next.action, NextAction::kEnd);
    EXPECT_THAT(next.reason, names("signal " + std::to_string(signal)));
  }
}

TEST(NextAction, requeues_without_progress_are_limited) {
  JobRecord record;
  record.progress_step = 10;
  const SlurmConfig slurm;
  for (int64_t i = 0; i < slurm.max_requeues; ++i) {
    EXPECT_EQ(decide_next(stopped(SIGUSR1, 10), slurm, record).action, NextAction::kRequeue) << i;
  }
  const NextStep last = decide_next(stopped(SIGUSR1, 10), slurm, record);
  EXPECT_EQ(last.action, NextAction::kEnd);
  EXPECT_THAT(last.reason, names("max_requeues", std::to_string(slurm.max_requeues)));
  // One more checkpoint, and it counts from the beginning.
  record.requeues = slurm.max_requeues;
  EXPECT_EQ(decide_next(stopped(SIGUSR1, 11), slurm, record).action, NextAction::kRequeue);
  EXPECT_EQ(record.requeues, 0);
}

TEST(NextAction, crash_starts_the_ranks_again_so_many_times) {
  JobRecord record;
  const SlurmConfig slurm;
  for (int64_t i = 0; i < slurm.max_restarts; ++i) {
    const NextStep next = decide_next(crashed(-1), slurm, record);
    EXPECT_EQ(next.action, NextAction::kRestart) << i;
    EXPECT_THAT(next.reason, names("beginning"));
  }
  EXPECT_EQ(decide_next(crashed(-1), slurm, record).action, NextAction::kEnd);
  EXPECT_EQ(decide_next(crashed(5), slurm, record).action, NextAction::kRestart);
  EXPECT_EQ(record.last_failure, "rank 1 ended with signal 9");
}

TEST(NextAction, stall_is_a_crash) {
  JobRecord record;
  SlurmConfig slurm;
  slurm.max_restarts = 1;
  RanksEnd end = crashed(10);
  end.exit_code = kExitStalled;
  EXPECT_EQ(decide_next(end, slurm, record).action, NextAction::kRestart);
  EXPECT_EQ(decide_next(end, slurm, record).action, NextAction::kRestart);
  EXPECT_EQ(decide_next(end, slurm, record).action, NextAction::kEnd);
  EXPECT_EQ(record.total_restarts, 2);
  // Nobody waits for the limit in a job that is told to leave.
  end.checkpoint_step = 20;
  end.stop_signal = SIGUSR1;
  EXPECT_EQ(decide_next(end, slurm, record).action, NextAction::kRequeue);
}

TEST(NextAction, what_failed_before_the_run_began_is_not_tried_again) {
  JobRecord record;
  RanksEnd end = crashed(-1);
  end.has_begun = false;
  EXPECT_EQ(decide_next(end, {}, record).action, NextAction::kEnd);
}

TEST(NextAction, crash_after_the_signal_goes_back_into_the_queue) {
  JobRecord record;
  RanksEnd end = crashed(10);
  end.stop_signal = SIGUSR1;
  EXPECT_EQ(decide_next(end, {}, record).action, NextAction::kRequeue);
  end.stop_signal = SIGTERM;
  EXPECT_EQ(decide_next(end, {}, record).action, NextAction::kEnd);
}

TEST(NextAction, failed_node_is_left_out_on_request) {
  JobRecord record;
  SlurmConfig slurm;
  EXPECT_EQ(decide_next(crashed(10, "node2"), slurm, record).action, NextAction::kRestart);
  EXPECT_TRUE(record.failed_nodes.empty());
  slurm.exclude_failed_nodes = true;
  for (const int64_t step : {20, 30}) {
    EXPECT_EQ(decide_next(crashed(step, "node2"), slurm, record).action, NextAction::kSuccessor);
  }
  EXPECT_THAT(record.failed_nodes, ElementsAre("node2"));
}

TEST(NextAction, limits_of_zero_mean_never) {
  SlurmConfig slurm;
  slurm.max_requeues = slurm.max_restarts = 0;
  JobRecord record;
  EXPECT_EQ(decide_next(stopped(SIGUSR1, 10), slurm, record).action, NextAction::kEnd);
  EXPECT_EQ(decide_next(crashed(20), slurm, record).action, NextAction::kEnd);
}

}  // namespace
}  // namespace temper
