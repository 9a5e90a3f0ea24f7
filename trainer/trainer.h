// A training run, from the first step or the last checkpoint to its end.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "comm/process_group.h"
#include "run/owned_run_directory.h"
#include "sharding/sharded_model.h"
#include "trainer/checkpointer.h"
#include "trainer/lr_schedule.h"
#include "trainer/recovery.h"
#include "trainer/run_reporter.h"
#include "trainer/startup/device.h"
#include "trainer/startup/resume.h"
#include "trainer/startup/run_setup.h"
#include "trainer/startup/take_directory.h"
#include "trainer/validator.h"

namespace temper {

class Trainer {
 public:
  // All ranks of the group make one Trainer each. `attempt` names this start of the run, the same
  // on all ranks. Collective, like everything here.
  Trainer(const RunConfig& config, const RankDevice& device, ProcessGroup& group,
          const ResumeChoice& resume, std::string attempt);
  ~Trainer();

  // Trains to the end. Returns kExitDone, or kExitStopped with a complete checkpoint after a signal
  // or when the time is up. Whatever ends it, a save under way is waited for.
  int run();

 private:
  std::unique_ptr<ShardedModel> load_model();
  int train();
  // Nothing where the step has led to a rollback.
  std::optional<StepReport> train_step();
  // The gradient of the step's micro-batches; returns the sum of each one's losses.
  std::vector<double> accumulate_gradients(int64_t step);
  void update_weights(int64_t step, double scale, double norm);
  // The longest time that a rank has waited for rows in this step.
  double longest_data_wait();
  SaveRequest save_request() const;
  int stop();
  void finish();

  // In the order in which they are made: each may use those before it.
  ProcessGroup& group_;
  RankDevice device_;
  RunSetup setup_;
  const RunConfig& config_;
  OwnedRunDirectory directory_;
  TakenDirectory taken_;
  LrSchedule schedule_;
  RunReporter reporter_;
  double load_seconds_ = 0.0;  // reading the weights, on this rank
  std::unique_ptr<ShardedModel> model_;
  Checkpointer checkpointer_;
  Validator validator_;
  Recovery recovery_;

  RunPosition position_;
  int64_t micro_batches_computed_ = 0;  // by this rank, in this process
  double data_wait_seconds_ = 0.0;      // of this rank, in the step under way
};

}  // namespace temper
