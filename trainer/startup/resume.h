// Decides whether a run starts anew or continues, and from which checkpoint.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "run/owned_run_directory.h"
#include "run/run_identity.h"
#include "sharding/sharded_model.h"

namespace temper {

// --resume auto | never | PATH
struct ResumeChoice {
  enum class Kind { kAuto, kNever, kPath };
  Kind kind = Kind::kAuto;
  std::filesystem::path path;

  static ResumeChoice parse(const std::string& text);
};

// Checks whether the run may start like this. A directory that belongs to another run (other base,
// data or settings: the first that differs is named), one that is not a run's, a run's with
// `never`, or a checkpoint of `choice` that is incomplete or of other base, data or settings, is a
// UserError. Reads only. `identity.run_id` is filled in from an existing run. For rank 0.
void check_start(const RunDirectory& run, RunIdentity& identity, int64_t rows_per_epoch,
                 const ResumeChoice& choice);

// The checkpoints to try after check_start, of which the run continues from the first that is
// intact: the named one, or all complete ones, the newest first; `latest` is not asked. Empty for a
// fresh start. UserError when there are checkpoints and none is complete.
std::vector<std::string> choose_checkpoints(const RunDirectory& run, const ResumeChoice& choice);

struct RestoredCheckpoint {
  CommitRecord record;
  std::string path;
  std::vector<std::string> damaged;  // these were passed over
};

// Restores the first of `candidates` whose content is what was committed, with a warning for each
// that is passed over; AgreedError when there is none. Collective over the model's ranks.
RestoredCheckpoint restore_first_intact(const std::vector<std::string>& candidates,
                                        ShardedModel& model);

// Tells whether it is a checkpoint of the run's own directory, and not one that was named
// elsewhere.
bool lies_in(const RunDirectory& run, const RestoredCheckpoint& restored);

// Gives the checkpoints of the restored step and later, other than the restored one, names under
// which nothing looks at them.
void set_aside_later(const OwnedRunDirectory& run, const RestoredCheckpoint& restored);

}  // namespace temper
