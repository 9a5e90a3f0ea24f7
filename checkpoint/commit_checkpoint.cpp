#include "checkpoint/commit_checkpoint.h"

#include "common/error.h"
#include "common/log.h"
#include "io/atomic_file.h"
#include "run/checkpoint/checkpoint_files.h"
#include "run/checkpoint/checkpoint_name.h"

namespace temper {
namespace {

namespace fs = std::filesystem;

// Tells whether the checkpoint there is the one that would be written: the same state, undamaged.
bool is_same(const CheckpointStatus& there, const CommitRecord& record) {
  return there.complete && there.record->state_hash == record.state_hash &&
         there.record->base_hash == record.base_hash &&
         there.record->tokenizer_hash == record.tokenizer_hash &&
         there.record->dataset_hash == record.dataset_hash &&
         there.record->adapter == record.adapter && find_damage(there.path, *there.record).empty();
}

void remove_partial(const fs::path& partial) {
  std::error_code ignored;  // the next start removes it
  fs::remove_all(partial, ignored);
}

// An owner's name that could not be read is no proof: that may pass.
bool has_lost_run(const OwnedRunDirectory& run) {
  try {
    run.check_ownership();
  } catch (const LostRunError&) {
    return true;
  } catch (const Error&) {
  }
  return false;
}

// Returns the record of what is there now.
CommitRecord make_visible(const OwnedRunDirectory& run, const fs::path& partial,
                          const CommitRecord& record) {
  run.check_ownership();
  const fs::path final_path = run.checkpoint_path(record.step);
  const CheckpointStatus there = inspect_checkpoint(final_path);
  if (is_same(there, record)) {
    remove_partial(partial);
    return *there.record;
  }
  // The record is written last. All files it lists are synced already, and writing it syncs the
  // directory, and with it the names of all ranks' files: whoever sees the record sees the rest.
  write_file_atomically(partial / kCommitRecordName, record.to_json());
  // Once more, as late as possible: hashing and writing took time, in which another start may have
  // taken the run. Only a rename is left, so the window is as small as it can be without a lock.
  run.check_ownership();
  if (fs::exists(final_path)) {
    // It is incomplete, damaged or of another state, but a person may want it.
    const fs::path aside = run.set_aside(record.step);
    log::warning("{} was not what this run has now and is kept as {}", final_path.string(),
                 aside.filename().string());
  }
  rename_durably(partial, final_path);
  return record;
}

}  // namespace

CommitResult commit_checkpoint(const OwnedRunDirectory& run, const fs::path& partial,
                               const CommitRecord& record, int64_t keep,
                               const std::vector<int64_t>& best_first) {
  CommitResult result;
  try {
    result.record = make_visible(run, partial, record);
  } catch (const std::exception& error) {
    remove_partial(partial);
    result.error = error.what();
    result.is_fatal = has_lost_run(run);
    return result;
  }
  // The checkpoint is there, whatever becomes of the rest: a failure here must not say otherwise.
  try {
    run.point_latest_to(record.step);
    run.retain(keep, best_first);
  } catch (const std::exception& error) {
    log::warning("after the checkpoint of step {}: {}", record.step, error.what());
  }
  return result;
}

}  // namespace temper
