// Finds steps that must not be taken as they are: the loss or the gradient is not finite, or far
// above its recent median. It is pure arithmetic on numbers that every rank has, so all ranks come
// to the same verdict. So does a run that was killed and goes on, because its checkpoints hold what
// the guard remembers.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "config/run_config.h"
#include "run/checkpoint/commit_record.h"

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
  RowRange rows;        // at fault: those of this step, and of a spike's earlier steps
};

class AnomalyGuard {
 public:
  // A median is taken over this many good steps, and not before there are as many as the second.
  static constexpr size_t kHistory = 32;
  static constexpr size_t kMinHistory = 8;
  // After so many skipped steps in a row the weights are at fault, not the data.
  static constexpr int64_t kMaxSkipsInARow = 10;

  explicit AnomalyGuard(const RunConfig& config);

  StepVerdict judge(const StepNumbers& numbers);
  // The first row of a step that would begin at `row`: rows that rollbacks leave out are passed.
  int64_t next_row(int64_t row) const;
  int64_t num_rollbacks() const { return num_rollbacks_; }

  // Stores in a checkpoint's record what the guard remembers.
  void write_to(CommitRecord& record) const;
  // Restores the state of that checkpoint, but keeps the rollbacks made since and the rows that
  // they leave out. UserError naming `place` when the record can't be read.
  void go_back_to(const CommitRecord& record, const std::string& place);

 private:
  // Describes the spike; empty when there is none.
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
