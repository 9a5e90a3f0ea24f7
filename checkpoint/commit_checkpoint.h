// Makes a checkpoint visible, in one moment.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "run/checkpoint/commit_record.h"
#include "run/owned_run_directory.h"

namespace temper {

struct CommitResult {
  CommitRecord record;    // of the checkpoint that is there now
  std::string error;      // empty: committed
  bool is_fatal = false;  // the run belongs to another attempt
};

// Makes the directory `partial`, in which all files of `record` are written and synced, the
// checkpoint of record.step, moves `latest` and removes what need not be kept
// (OwnedRunDirectory::retain). An undamaged checkpoint of that step with the same state is kept
// instead; anything else of its name is set aside. Without success `partial` is removed. Throws
// nothing. For rank 0, in any thread.
CommitResult commit_checkpoint(const OwnedRunDirectory& run, const std::filesystem::path& partial,
                               const CommitRecord& record, int64_t keep,
                               const std::vector<int64_t>& best_first);

}  // namespace temper
