// Which steps and checkpoints of a run saw a record.
#pragma once

#include <filesystem>

#include "data/dataset/trace_record.h"
#include "io/json.h"

namespace temper {

// {record, datasets: [{path, role, rows, dropped}], and of a run also steps_done, seen, steps,
// checkpoints: [{step, seen}]}. `seen` counts how often the record was trained on. Of what a run
// was given only its datasets have to be there still. UserError when `path` is neither a dataset
// nor a run directory, or names no such file.
OrderedJson trace_in_dataset(const RecordName& record, const std::filesystem::path& path);
OrderedJson trace_in_run(const RecordName& record, const std::filesystem::path& path);

}  // namespace temper
