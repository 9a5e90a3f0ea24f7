// Saves a sharded training state while training goes on (docs/formats/checkpoint.md).
//
// A save costs the step one copy of the rank's state. A thread of each rank of the first replica
// writes that copy as its file of the checkpoint, and on all ranks another hashes it; nothing is
// gathered, and no thread calls MPI. When all ranks have said at
// a step boundary that theirs is written and synced, a thread of rank 0 commits: the directory
// stays invisible (`step-N.ATTEMPT.partial`) until the commit record is in it and it is renamed. So
// a checkpoint is complete or not there, whenever the job is killed.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "run/checkpoint/commit_record.h"
#include "run/owned_run_directory.h"
#include "sharding/sharded_model.h"

namespace temper {

struct SaveRequest {
  // The run and step of the state; the save fills in world_size, state_hash and files.
  CommitRecord record;
  // Which other checkpoints stay: see OwnedRunDirectory::retain.
  int64_t keep = 0;
  std::vector<int64_t> best_first;
  // Time that training has already waited for the previous save; it counts as this one's stall.
  double waited_seconds = 0;
};

// How a save ended, the same on all ranks.
struct SaveOutcome {
  int64_t step = 0;
  CommitRecord record;       // as it was committed
  std::string error;         // why nothing was; empty: committed
  bool is_fatal = false;     // not the disk but the run itself is at fault: it must not go on
  double stall_seconds = 0;  // training stood still so long for the save; of the slowest rank
  double write_seconds = 0;  // until its file was on disk; of the slowest rank
  double total_seconds = 0;  // from the beginning to the commit, as this rank sees it
  uint64_t bytes = 0;        // of all files
};

class CheckpointSaver {
 public:
  // `model` must outlive it.
  CheckpointSaver(ShardedModel& model, const OwnedRunDirectory& run);
  // Waits for its thread. What was not committed stays invisible.
  ~CheckpointSaver();

  //   // Gets the buffer of background saves ready, in a thread, so that the first save is no
  //   slower than
  // the others. No communication.
  void prepare();
  //   // Begins to save the state that the model holds now; no save may be under way. In the
  //   background it
  // returns after the copy, for which a buffer as large as this rank's file is allocated once. In
  // the foreground it returns when this rank's file is written, having used a few MiB. No
  // communication, but all ranks call it at the same step.
  enum class Mode { kBackground, kForeground };
  void start(SaveRequest request, Mode mode);

  // Tells whether a save is under way, the same on all ranks.
  bool is_active() const;
  // Tells whether this rank has nothing to wait for before advance(). Local.
  bool is_ready() const;
  //   // Enters the next phase of the save under way; waits for threads that are not ready. Returns
  //   the
  // outcome when the phase was the last. Collective over the model's ranks, as finish.
  std::optional<SaveOutcome> advance();
  // Goes through all phases that are left.
  SaveOutcome finish();

  // Bytes of all ranks' files together, about; and of this rank's buffer.
  uint64_t size_bytes() const;
  uint64_t buffer_bytes() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Saves from beginning to end. AgreedError when nothing was committed. Collective.
CommitRecord save_checkpoint(ShardedModel& model, const OwnedRunDirectory& run,
                             const CommitRecord& record);

}  // namespace temper
