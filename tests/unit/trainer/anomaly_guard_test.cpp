#include "trainer/anomaly_guard.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "common/error.h"
#include "tests/fixtures/names.h"

namespace temper {
namespace {

using Action = StepVerdict::Action;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr int64_t kRows = 4;

RunConfig config_with(BadStepPolicy policy, double spike_factor = 0.0, int64_t patience = 1) {
  RunConfig config;
  config.on_non_finite = config.on_spike = policy;
  config.spike_factor = spike_factor;
  config.spike_patience = patience;
  config.max_rollbacks = 2;
  return config;
}

// Step n of a run, from 0, and its numbers.
StepVerdict judge(AnomalyGuard& guard, int64_t n, double loss, double norm = 1.0) {
  return guard.judge({{n * kRows, (n + 1) * kRows}, loss, norm});
}

void train_well(AnomalyGuard& guard, int64_t steps) {
  for (int64_t n = 0; n < steps; ++n) {
    EXPECT_EQ(judge(guard, n, 2.0 + 0.01 * static_cast<double>(n % 3)).action, Action::kApply);
  }
}

TEST(AnomalyGuard, loss_and_gradient_must_be_finite) {
  AnomalyGuard guard(config_with(BadStepPolicy::kStop));
  EXPECT_EQ(judge(guard, 0, 1.0).problem, "");
  const StepVerdict loss = judge(guard, 1, kNan);
  EXPECT_EQ(loss.action, Action::kStop);
  EXPECT_EQ(loss.problem, "the loss is not finite");
  EXPECT_EQ(judge(guard, 2, 1.0, std::numeric_limits<double>::infinity()).problem,
            "the gradient is not finite");
}

TEST(AnomalyGuard, skips_until_it_is_the_weights) {
  AnomalyGuard guard(config_with(BadStepPolicy::kSkip));
  for (int64_t n = 0; n < AnomalyGuard::kMaxSkipsInARow; ++n) {
    EXPECT_EQ(judge(guard, n, kNan).action, Action::kSkip);
  }
  EXPECT_EQ(judge(guard, 10, 1.0).action, Action::kApply);  // it was the rows
  for (int64_t n = 0; n < AnomalyGuard::kMaxSkipsInARow; ++n) {
    EXPECT_EQ(judge(guard, 11 + n, kNan).action, Action::kSkip);
  }
  const StepVerdict last = judge(guard, 30, kNan);
  EXPECT_EQ(last.action, Action::kStop);
  EXPECT_THAT(last.problem, names("10 steps"));
}

TEST(AnomalyGuard, rollbacks_leave_rows_out_and_have_a_limit) {
  AnomalyGuard guard(config_with(BadStepPolicy::kRollback));
  const StepVerdict first = judge(guard, 3, kNan);
  EXPECT_EQ(first.action, Action::kRollback);
  EXPECT_EQ(first.rows, (RowRange{12, 16}));
  EXPECT_EQ(guard.next_row(8), 8);
  EXPECT_EQ(guard.next_row(12), 16);
  EXPECT_EQ(guard.next_row(16), 16);
  EXPECT_EQ(judge(guard, 4, kNan).action, Action::kRollback);
  EXPECT_EQ(guard.next_row(12), 20);  // past both
  const StepVerdict last = judge(guard, 5, kNan);
  EXPECT_EQ(last.action, Action::kStop);
  EXPECT_THAT(last.problem, names("max_rollbacks (2)"));
}

TEST(AnomalyGuard, spike_is_far_above_the_median_of_late) {
  AnomalyGuard guard(config_with(BadStepPolicy::kSkip, 3.0));
  EXPECT_EQ(judge(guard, 0, 1000.0).action, Action::kApply);  // too early to tell
  train_well(guard, 20);
  EXPECT_EQ(judge(guard, 20, 5.9).action, Action::kApply);
  const StepVerdict loss = judge(guard, 21, 6.5);
  EXPECT_EQ(loss.action, Action::kSkip);
  EXPECT_THAT(loss.problem, names("loss", "6.5", "3.2"));
  const StepVerdict norm = judge(guard, 22, 2.0, 3.5);
  EXPECT_EQ(norm.action, Action::kSkip);
  EXPECT_THAT(norm.problem, names("gradient norm", "3.5"));
}

TEST(AnomalyGuard, patience_waits_for_a_spike_that_lasts) {
  AnomalyGuard guard(config_with(BadStepPolicy::kRollback, 3.0, 3));
  train_well(guard, 20);
  EXPECT_EQ(judge(guard, 20, 9.0).action, Action::kApply);
  EXPECT_EQ(judge(guard, 21, 2.0).action, Action::kApply);  // over
  EXPECT_EQ(judge(guard, 22, 9.0).action, Action::kApply);
  EXPECT_NE(judge(guard, 23, 9.0).problem, "");
  const StepVerdict third = judge(guard, 24, 9.0);
  EXPECT_EQ(third.action, Action::kRollback);
  EXPECT_EQ(third.rows, (RowRange{88, 100}));  // from its first step on
}

TEST(AnomalyGuard, goes_on_from_a_checkpoint_as_though_it_had_never_stopped) {
  AnomalyGuard whole(config_with(BadStepPolicy::kRollback, 3.0, 2));
  train_well(whole, 19);
  judge(whole, 19, 9.0);  // the first step of a spike
  CommitRecord record;
  whole.write_to(record);
  AnomalyGuard resumed(config_with(BadStepPolicy::kRollback, 3.0, 2));
  resumed.go_back_to(record, "commit.json");
  const StepVerdict a = judge(whole, 20, 9.0), b = judge(resumed, 20, 9.0);
  EXPECT_EQ(a.action, Action::kRollback);
  EXPECT_EQ(b.action, a.action);
  EXPECT_EQ(b.problem, a.problem);
  EXPECT_EQ(b.rows, a.rows);
  CommitRecord from_whole, from_resumed;
  whole.write_to(from_whole);
  resumed.write_to(from_resumed);
  EXPECT_EQ(from_whole.guard_state, from_resumed.guard_state);
  EXPECT_EQ(from_whole.rows_left_out, from_resumed.rows_left_out);
}

TEST(AnomalyGuard, going_back_forgets_no_rollback) {
  AnomalyGuard guard(config_with(BadStepPolicy::kRollback));
  CommitRecord before;
  guard.write_to(before);
  judge(guard, 5, kNan);
  guard.go_back_to(before, "commit.json");
  EXPECT_EQ(guard.num_rollbacks(), 1);
  EXPECT_EQ(guard.next_row(20), 24);
}

TEST(AnomalyGuard, records_from_before_it_and_broken_ones) {
  AnomalyGuard guard(config_with(BadStepPolicy::kSkip));
  guard.go_back_to(CommitRecord{}, "commit.json");
  CommitRecord broken;
  broken.guard_state = R"({"losses": "many"})";
  EXPECT_THROW(guard.go_back_to(broken, "commit.json"), UserError);
}

}  // namespace
}  // namespace temper
