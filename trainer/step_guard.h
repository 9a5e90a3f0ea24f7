// Steps that must not be taken as they are: the loss or the gradient is not finite, or far above
// what it was of late. Pure arithmetic on numbers that every rank has: all come to the same
// verdict, and so does a run that was killed and goes on, for what is remembered is saved with its
// checkpoints.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "config/run_config.h"
#include "run/commit_record.h"

namespace temper {

struct StepNumbers {
  RowRange rows;
  double loss = 0.0;  // mean over the targets
  double grad_norm = 0.0;
};

struct StepVerdict {
  enum class Action {
    kApply,
    kSkip,      // no update; the rows count as consumed
    kRollback,  // to a checkpoint before `rows`, and past them
    kStop,
  };
  Action action = Action::kApply;
  std::string problem;  // empty: there is none
  RowRange rows;        // that are at fault: of this step, and of a spike's earlier ones
};

class StepGuard {
 public:
  // Steps whose median tells what is usual, and how many there must be.
  static constexpr size_t kHistory = 32;
  static constexpr size_t kMinHistory = 8;
  // Then it is the weights that are at fault.
  static constexpr int64_t kMaxSkipsInARow = 10;

  explicit StepGuard(const RunConfig& config);

  StepVerdict judge(const StepNumbers& numbers);
  // Where a step begins that would begin at `row`: past what rollbacks leave out.
  int64_t next_row(int64_t row) const;
  int64_t num_rollbacks() const { return num_rollbacks_; }

  // What a checkpoint has to remember.
  void write_to(CommitRecord& record) const;
  // Goes on as it was at that checkpoint, but for rollbacks made since and what they leave out.
  // UserError naming `place` when the record can't be read.
  void go_back_to(const CommitRecord& record, const std::string& place);

 private:
  // Empty when there is none.
  std::string find_spike(const StepNumbers& numbers) const;
  StepVerdict act(BadStepPolicy policy, std::string problem, RowRange rows);
  void leave_out(RowRange rows);

  BadStepPolicy on_non_finite_;
  BadStepPolicy on_spike_;
  double spike_factor_;
  int64_t spike_patience_;
  int64_t max_rollbacks_;
  std::deque<double> losses_;  // of the last good steps
  std::deque<double> norms_;
  int64_t spike_begin_ = -1;  // the first row of the spike under way; -1: none
  int64_t spike_steps_ = 0;
  int64_t skips_in_a_row_ = 0;
  int64_t num_rollbacks_ = 0;
  std::vector<RowRange> left_out_;  // in order
};

}  // namespace temper
