// Every call of a save fails once, is cut short, is the process's last, or comes before a power
// cut: afterwards the last committed checkpoint is there with the same bits.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

#include "tests/faults/fault_plan.h"
#include "tests/faults/unsynced_loss.h"
#include "tests/unit/checkpoint/tiny_state.h"

namespace temper {
namespace {

namespace fs = std::filesystem;
using faults::Action;
using faults::UnsyncedLoss;
using Mode = CheckpointSaver::Mode;

constexpr int64_t kMaxCalls = 200;  // more than a save makes

faults::Plan plan_of(int64_t call, Action action, int error_number = EIO) {
  faults::Plan plan;
  plan.call = call;
  plan.action = action;
  plan.error_number = error_number;
  return plan;
}

class SaveFaults : public testing::TestWithParam<Mode> {
 protected:
  // Steps 1 and 2 are there; the save of step 3 is what is disturbed. It removes step 1.
  SaveFaults() {
    for (const int64_t step : {1, 2}) hashes_[step] = state_.save(step);
    state_.set(3);
    hashes_[3] = state_.hash_of(3);
  }

  SaveOutcome save_third() {
    CheckpointSaver saver(state_.model(), state_.run());
    saver.start({TinyState::record_of(3), 2, {}, 0.0}, GetParam());
    return saver.finish();
  }

  // What a resume would go on from in that directory: as trainer/startup/resume.h chooses. Its
  // step, with the bits of that step; -1 when there is nothing.
  int64_t resumable_step(const fs::path& root) {
    for (const CheckpointStatus& status : RunDirectory(root).checkpoints()) {
      if (!status.complete || !find_damage(status.path, *status.record).empty()) continue;
      EXPECT_EQ(restore_checkpoint(status.path, state_.model()).state_hash, hashes_[status.step]);
      EXPECT_EQ(state_.hash_of(status.step), hashes_[status.step]);
      state_.set(3);
      return status.step;
    }
    return -1;
  }

  // Whether a next start would go on as though nothing had been.
  void expect_next_attempt_saves() {
    state_.run().take_ownership();
    OwnedRunDirectory(state_.root(), "two").sweep();
    for (const auto& entry : fs::directory_iterator(state_.root())) {
      const std::string name = entry.path().filename().string();
      EXPECT_FALSE(name.ends_with(".deleting") || name.ends_with(".partial")) << name;
    }
    EXPECT_EQ(save_third().error, "");
    EXPECT_EQ(resumable_step(state_.root()), 3);
  }

  void start_over() {
    for (const auto& entry : fs::directory_iterator(state_.root())) {
      if (entry.path().filename().string().starts_with("step-")) fs::remove_all(entry.path());
    }
    for (const int64_t step : {1, 2}) state_.save(step);
    state_.set(3);
  }

  // Fails call 1, 2, ... of a save until one is not touched.
  void fail_each_call(Action action, int error_number) {
    for (int64_t call = 1;; ++call) {
      ASSERT_LT(call, kMaxCalls);
      SCOPED_TRACE(fmt::format("call {}", call));
      faults::arm(plan_of(call, action, error_number));
      const SaveOutcome outcome = save_third();
      const bool reached = faults::num_calls() >= call;
      const bool struck = faults::has_struck();
      faults::disarm();
      const int64_t step = resumable_step(state_.root());
      if (outcome.error.empty()) {
        EXPECT_EQ(step, 3);
        EXPECT_EQ(outcome.record.state_hash, hashes_[3]);
      } else {
        EXPECT_TRUE(struck);
        EXPECT_GE(step, 2);
        EXPECT_FALSE(fs::exists(state_.run().partial_checkpoint_path(3)));
      }
      if (!reached) {
        EXPECT_EQ(outcome.error, "");
        EXPECT_GT(call, 10);  // the plan does reach the calls
        return;
      }
      expect_next_attempt_saves();
      start_over();
    }
  }

  TinyState state_;
  std::map<int64_t, Hash128> hashes_;
};

TEST_P(SaveFaults, failing_calls_leave_the_last_checkpoint) {
  fail_each_call(Action::kFail, EIO);
}

TEST_P(SaveFaults, full_disk_leaves_the_last_checkpoint) {
  fail_each_call(Action::kFail, ENOSPC);
}

TEST_P(SaveFaults, short_writes_are_completed) {
  fail_each_call(Action::kShorten, 0);
}

TEST_P(SaveFaults, killed_at_any_call_the_last_checkpoint_is_there) {
  for (const Action action : {Action::kKillBefore, Action::kKillAfter}) {
    for (int64_t call = 1;; ++call) {
      ASSERT_LT(call, kMaxCalls);
      SCOPED_TRACE(fmt::format("call {}", call));
      const pid_t child = fork();
      ASSERT_GE(child, 0);
      if (child == 0) {
        faults::arm(plan_of(call, action));
        _exit(save_third().error.empty() ? 0 : 1);
      }
      int status = 0;
      ASSERT_EQ(waitpid(child, &status, 0), child);
      const int64_t step = resumable_step(state_.root());
      if (!WIFSIGNALED(status)) {
        EXPECT_EQ(WEXITSTATUS(status), 0);
        EXPECT_EQ(step, 3);
        EXPECT_GT(call, 10);
        start_over();
        break;
      }
      EXPECT_EQ(WTERMSIG(status), SIGKILL);
      EXPECT_GE(step, 2);
      expect_next_attempt_saves();
      start_over();
    }
  }
}

TEST_P(SaveFaults, power_cut_at_any_call_leaves_the_last_checkpoint) {
  for (const auto unsynced : {UnsyncedLoss::Unsynced::kEmpty, UnsyncedLoss::Unsynced::kZeros}) {
    const UnsyncedLoss loss(state_.root());
    int64_t cuts = 0;
    const auto cut = [&](const std::string&) {
      loss.write_survivors(state_.elsewhere(), unsynced);
      ++cuts;
      for (const CheckpointStatus& status : RunDirectory(state_.elsewhere()).checkpoints()) {
        ASSERT_TRUE(status.complete) << status.problem;
        ASSERT_EQ(find_damage(status.path, *status.record), "") << "at call " << cuts;
      }
      ASSERT_GE(RunDirectory(state_.elsewhere()).latest_complete()->step, 2) << "at call " << cuts;
    };
    faults::Plan plan;
    plan.before_each = cut;
    plan.match = state_.root().string();  // looking at the survivors opens files, too
    faults::arm(plan);
    const SaveOutcome outcome = save_third();
    faults::disarm();
    ASSERT_EQ(outcome.error, "");
    EXPECT_GT(cuts, 10);
    // What was said to be saved is.
    loss.write_survivors(state_.elsewhere(), unsynced);
    EXPECT_EQ(resumable_step(state_.elsewhere()), 3);
    start_over();
  }
}

TEST_P(SaveFaults, disk_that_fails_for_good_fails_every_save_and_nothing_else) {
  faults::Plan plan = plan_of(1, Action::kFail, ENOSPC);
  plan.from_then_on = true;
  plan.match = "rank-";
  faults::arm(plan);
  for (int i = 0; i < 3; ++i) {
    EXPECT_NE(save_third().error.find("No space left"), std::string::npos);
    EXPECT_EQ(resumable_step(state_.root()), 2);
  }
  faults::disarm();
  expect_next_attempt_saves();
}

TEST_P(SaveFaults, attempt_that_lost_the_run_while_it_wrote_commits_nothing) {
  // At each of its calls, until it has committed.
  for (int64_t call = 1;; ++call) {
    ASSERT_LT(call, kMaxCalls);
    SCOPED_TRACE(fmt::format("call {}", call));
    int64_t calls = 0;
    bool visible = false;
    bool in_time = false;  // before the checkpoint got its name
    faults::Plan plan;
    plan.before_each = [&](const std::string& path) {
      if (++calls != call) return;
      in_time = path.find("step-3.one.partial") != path.npos;
      visible = fs::exists(state_.run().checkpoint_path(3));
      // Not through the counted calls.
      std::ofstream(state_.run().owner_path()) << "two\n";
    };
    faults::arm(plan);
    const SaveOutcome outcome = save_third();
    faults::disarm();
    const bool reached = calls >= call;
    if (outcome.error.empty()) {
      EXPECT_FALSE(in_time);
      EXPECT_EQ(resumable_step(state_.root()), 3);
    } else {
      EXPECT_TRUE(outcome.is_fatal);
      EXPECT_NE(outcome.error.find("belongs to attempt two"), std::string::npos);
      EXPECT_FALSE(visible);
      EXPECT_EQ(resumable_step(state_.root()), 2);
    }
    state_.run().take_ownership();
    start_over();
    if (visible || !reached) {
      EXPECT_GT(call, 5);
      return;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Modes, SaveFaults, testing::Values(Mode::kBackground, Mode::kForeground),
                         [](const auto& parameter) {
                           return parameter.param == Mode::kBackground ? "background"
                                                                       : "foreground";
                         });

}  // namespace
}  // namespace temper
