#include "checkpoint/commit_checkpoint.h"

#include "common/error.h"
#include "common/log.h"
#include "io/atomic_file.h"
#include "run/checkpoint_files.h"
#include "run/checkpoint_name.h"

namespace temper {
namespace {

namespace fs = std::filesystem;

// Whether the checkpoint there is the one that would be written: the same state, and undamaged.
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

// Not when the owner's name could not be read: that may pass.
bool has_lost_run(const RunDirectory& run, const std::string& attempt) {
  try {
    run.check_ownership(attempt);
  } catch (const LostRunError&) {
    return true;
  } catch (const Error&) {
  }
  return false;
}

// Returns the record of what is there now.
CommitRecord make_visible(const RunDirectory& run, const std::string& attempt,
                          const fs::path& partial, const CommitRecord& record) {
  run.check_ownership(attempt);
  const fs::path final_path = run.checkpoint_path(record.step);
  const CheckpointStatus there = inspect_checkpoint(final_path);
  if (is_same(there, record)) {
    remove_partial(partial);
    return *there.record;
  }
  // Syncs the directory as well, and with it the names of all ranks' files.
  write_file_atomically(partial / kCommitRecordName, record.to_json());
  run.check_ownership(attempt);
  if (fs::exists(final_path)) {
    // Incomplete, damaged or of another state: a person may want it.
    const fs::path aside = run.set_aside(record.step, attempt);
    log::warning("{} was not what this run has now and is kept as {}", final_path.string(),
                 aside.filename().string());
  }
  rename_durably(partial, final_path);
  return record;
}

}  // namespace

CommitResult commit_checkpoint(const RunDirectory& run, const std::string& attempt,
                               const fs::path& partial, const CommitRecord& record, int64_t keep,
                               const std::vector<int64_t>& best_first) {
  CommitResult result;
  try {
    result.record = make_visible(run, attempt, partial, record);
  } catch (const std::exception& error) {
    remove_partial(partial);
    result.error = error.what();
    result.is_fatal = has_lost_run(run, attempt);
    return result;
  }
  // The checkpoint is there, whatever becomes of the rest.
  try {
    run.point_latest_to(record.step);
    run.retain(keep, attempt, best_first);
  } catch (const std::exception& error) {
    log::warning("after the checkpoint of step {}: {}", record.step, error.what());
  }
  return result;
}

}  // namespace temper
