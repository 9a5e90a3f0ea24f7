// What `temper inspect` and `temper status` say of a thing, as a report.
#pragma once

#include <filesystem>
#include <string>

#include "io/json.h"
#include "run/commit_record.h"
#include "run/status.h"

namespace temper {

// Finds out what the directory is (a model, an adapter, a checkpoint or a run) and describes it;
// "kind" says what it was taken for. UserError when it is none of these, or damaged. Packed
// datasets, which are files, are described by data/describe_dataset.h.
OrderedJson describe_directory(const std::filesystem::path& directory);

OrderedJson describe_model(const std::filesystem::path& directory);
OrderedJson describe_adapter(const std::filesystem::path& directory);
OrderedJson describe_checkpoint(const CheckpointStatus& checkpoint);
OrderedJson describe_run(const std::filesystem::path& directory);

OrderedJson describe_status(const RunStatus& status);
// "training, step 12 of 200, loss 2.345, 1234 tokens/s, 3m20s left".
std::string status_line(const RunStatus& status);

}  // namespace temper
