// Decides when a run saves its state: every save_steps, every save_minutes, when somebody asks for
// it (RUN_DIR/SAVE), on a signal, in time before max_wall_time, and at its end. It also decides
// what a failed save means to the run.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "checkpoint/checkpoint_saver.h"
#include "config/run_config.h"
#include "run/owned_run_directory.h"
#include "sharding/sharded_model.h"

namespace temper {

// What the ranks have agreed to do between two steps.
struct StepDecision {
  bool stop = false;  // with a checkpoint
  bool save = false;  // somebody asks for one, or the last is save_minutes old
};

// Tells whether a save by time is due at the end of a step that took `step_seconds`, so many
// seconds after the last one: at the boundary nearest to save_minutes, or from half of that on
// after an evaluation, because only a checkpoint that was measured can be found to be the best.
bool is_save_due(double save_minutes, double seconds_since_save, double step_seconds,
                 bool is_evaluated);

class Checkpointer {
 public:
  // `on_end` is told of every save that has ended, on all ranks.
  using OnEnd = std::function<void(const SaveOutcome&)>;
  Checkpointer(ShardedModel& model, const RunConfig& config, const OwnedRunDirectory& directory,
               OnEnd on_end);

  // Makes ready for background saves, which will come.
  void expect_saves();
  // Agrees, at the end of a step, on signals, requests and rank 0's clock, and brings a save under
  // way forward, in one small reduction. `is_evaluated`: the step's held-out losses are known.
  // Collective, as the functions below. AgreedError when a save
  // has failed and the run must not go on.
  StepDecision agree(int64_t step, bool is_evaluated);
  // Waits for a save under way, then begins one, in the background with async_save.
  void begin(SaveRequest request);
  // Returns when the state is a complete checkpoint; AgreedError when that cannot be.
  void complete(const SaveRequest& request);
  // Waits for a save under way. AgreedError as agree().
  void wait();
  // Waits for a save under way when the run ends with an error, which the failure of a save must
  // not hide.
  void wait_ignoring_failure();

  // The newest checkpoint in the run's directory that this run has written or continued; -1: none.
  int64_t last_saved_step() const { return last_saved_step_; }
  void set_last_saved_step(int64_t step) { last_saved_step_ = step; }
  uint64_t buffer_bytes() const { return saver_.buffer_bytes(); }

 private:
  void start(const SaveRequest& request, CheckpointSaver::Mode mode);
  void record(const SaveOutcome& outcome);
  // Records the outcome; AgreedError when a failed save must end the run.
  void judge(const SaveOutcome& outcome);
  void answer_request(bool saved);
  bool is_time_up() const;
  bool is_requested() const;
  bool is_leader() const { return group_.rank() == 0; }

  ProcessGroup& group_;
  const RunConfig& config_;
  const OwnedRunDirectory& directory_;
  OnEnd on_end_;
  CheckpointSaver saver_;
  int64_t last_saved_step_ = -1;
  bool answers_request_ = false;      // the save under way; rank 0
  double longest_save_seconds_ = -1;  // -1: none yet
  double longest_step_seconds_ = 0;   // from boundary to boundary, evaluations included
  double last_boundary_ = -1;         // seconds since the process began; -1: none yet
  double last_save_ = 0;              // began, likewise, or else training did
};

}  // namespace temper
