// What `temper inspect` and `temper status` say of a thing, as a report.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "io/json.h"
#include "run/checkpoint/commit_record.h"
#include "run/status.h"

namespace temper {

// Finds out what the directory is (a model, an adapter, a checkpoint or a run) and describes it;
// "kind" says what it was taken for. UserError when it is none of these, or damaged. Packed
// datasets, which are files, are described by data/dataset/describe_dataset.h.
OrderedJson describe_directory(const std::filesystem::path& directory);

OrderedJson describe_checkpoint(const CheckpointStatus& checkpoint);
OrderedJson describe_run(const std::filesystem::path& directory);

// A run's status together with what it cannot say itself.
struct ObservedStatus {
  RunStatus status;
  // It says that it is at work, but nobody holds its lock: killed.
  bool has_died = false;
  std::optional<int64_t> age_seconds;  // since it was written
};
// Nothing without a status; UserError when it is damaged.
std::optional<ObservedStatus> observe_status(const std::filesystem::path& run_directory);

OrderedJson describe_status(const ObservedStatus& observed);
// "training, step 12 of 200, loss 2.345, 1234 tokens/s, 3m20s left".
std::string status_line(const ObservedStatus& observed);

}  // namespace temper
