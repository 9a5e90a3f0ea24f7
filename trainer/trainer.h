// A training run, from the first step or the last checkpoint to its end.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "comm/process_group.h"
#include "run/run_directory.h"
#include "run/run_lock.h"
#include "run/status.h"
#include "run/status_writer.h"
#include "sharding/sharded_model.h"
#include "trainer/anomaly_guard.h"
#include "trainer/checkpointer.h"
#include "trainer/lr_schedule.h"
#include "trainer/progress.h"
#include "trainer/startup/device.h"
#include "trainer/startup/resume.h"
#include "trainer/startup/run_memory.h"
#include "trainer/startup/run_setup.h"
#include "trainer/validator.h"

namespace temper {

class Trainer {
 public:
  // Collective, like everything here: all ranks of the group make one Trainer each. `attempt` names
  // this start of the run, the same on all ranks.
  Trainer(const RunConfig& config, const RankDevice& device, ProcessGroup& group,
          const ResumeChoice& resume, std::string attempt);
  ~Trainer();

  // Trains to the end. Returns kExitDone, or kExitStopped with a complete checkpoint after a signal
  // or when the time is up. Whatever ends it, a save under way is waited for.
  int run();

 private:
  // Judges, locks and marks the output directory. Returns the checkpoints to continue from, the
  // first that is intact; none for a fresh start.
  std::vector<std::string> take_directory(const ResumeChoice& resume);
  void check_room(const ResumeChoice& resume) const;
  void load_model();
  void restore(const RestoredCheckpoint& restored);
  // Removes leftovers of earlier attempts, and sets aside what is damaged or what a rewind has made
  // obsolete.
  void clear_directory(const RestoredCheckpoint& restored, const ResumeChoice& resume);
  void announce();
  int train();
  // Nothing where the step has led to a rollback.
  std::optional<StepReport> train_step();
  // The gradient of the step's micro-batches; returns the sum of each one's losses.
  std::vector<double> accumulate_gradients(int64_t step);
  // Says what it finds; AgreedError when the run must stop.
  StepVerdict judge_step(const StepReport& report, const std::vector<double>& losses);
  void roll_back(const RowRange& rows);
  void restore_again(const std::vector<std::string>& checkpoints);
  Hash128 control_hash() const;
  void update_weights(int64_t step, double scale, double norm);
  // What the rank that waited longest has waited for rows in this step.
  double longest_data_wait();
  std::string last_checkpoint_text() const;
  void log_step(StepReport report);
  // Held-out losses of all sets, once per step.
  void evaluate() { validator_.evaluate(*model_, step_, progress_.get()); }
  SaveRequest save_request() const;
  void note_save(const SaveOutcome& outcome);
  int stop();
  void finish();
  void announce_memory();
  void report_memory();
  void report_ranks();
  // What cannot be written is no reason to end; LostRunError is.
  void write_status(RunState state);
  bool is_leader() const { return group_.rank() == 0; }

  ProcessGroup& group_;
  RankDevice device_;
  RunSetup setup_;
  const RunConfig& config_;
  RunDirectory directory_;
  Validator validator_;
  std::optional<RunLock> lock_;  // rank 0, for the run's life
  LrSchedule schedule_;
  std::unique_ptr<ShardedModel> model_;
  std::unique_ptr<Progress> progress_;  // rank 0
  std::unique_ptr<Checkpointer> checkpointer_;
  std::string attempt_;
  StatusWriter status_writer_;
  double load_seconds_ = 0.0;           // reading the weights, on this rank
  int64_t step_ = 0;                    // optimizer steps done
  int64_t rows_consumed_ = 0;           // the global cursor
  int64_t micro_batches_computed_ = 0;  // by this rank, in this process
  double data_wait_seconds_ = 0.0;      // of this rank, in the step under way
  PeakMemory peak_memory_;
  int64_t steps_done_here_ = 0;
  AnomalyGuard guard_;
  RunStatus status_;
};

}  // namespace temper
