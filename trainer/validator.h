// Measures the held-out sets of a run while it trains, and decides by their losses whether it is
// time to stop and which checkpoint is the best. The losses have the same bits on any number of
// ranks.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "comm/process_group.h"
#include "eval/held_out_loss.h"
#include "run/held_out_history.h"
#include "run/run_directory.h"
#include "sharding/sharded_model.h"
#include "trainer/early_stopping.h"
#include "trainer/run_reporter.h"
#include "trainer/startup/run_setup.h"

namespace temper {

class Validator {
 public:
  // All outlive this.
  Validator(const RunSetup& setup, ProcessGroup& group, const RunDirectory& directory,
            RunReporter& reporter);

  // Takes over what earlier attempts have measured up to `last_step`, from which the run goes on.
  // Collective.
  void restore_history(int64_t last_step);
  // Forgets what was measured after `step`. No communication.
  void go_back_to(int64_t step);
  // Measures all sets after `step`, once; step 0 is the base. A loss that is not finite is an
  // AgreedError. Collective.
  void evaluate(ShardedModel& model, int64_t step);

  // The test loss has not improved for long enough, or the last evaluation is over the forgetting
  // budget and on_forgetting says stop.
  bool should_stop() const;
  // The steps that HeldOutHistory finds best within the run's budget; step 0 is among them.
  int64_t best_step() const;
  std::vector<int64_t> steps_best_first() const;
  // Logs which of the checkpoints to use, if something was measured to tell by, and records what
  // was forgotten if there is a budget.
  void report(int64_t last_step) const;

 private:
  // Shows a bar meanwhile.
  HeldOutLoss measure(const HeldOutSet& set, ShardedModel& model);
  HeldOutLoss evaluate_set(const HeldOutSet& set, ShardedModel& model);
  void note_test_loss(double loss);
  void note_general_loss(double loss);
  bool is_over_budget() const;
  void report_forgetting(int64_t last_step, int64_t use_step) const;

  const RunSetup& setup_;
  const RunConfig& config_;
  ProcessGroup& group_;
  const RunDirectory& directory_;
  RunReporter& reporter_;
  EarlyStopping early_stopping_;
  HeldOutHistory history_;
  int64_t last_evaluated_step_ = -1;
};

}  // namespace temper
