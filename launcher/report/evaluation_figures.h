// What `temper eval` kept of a run's checkpoints (docs/formats/run_directory.md: eval/).
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "io/json.h"

namespace temper {

// The kept evaluation of `step`, else of the highest step that has one; an empty object when there
// is none. Files that cannot be read are named in `gaps`.
OrderedJson read_evaluation(const std::filesystem::path& run, int64_t step,
                            std::vector<std::string>& gaps);

// What `temper export --lora-scale auto` kept of that checkpoint's adapter, with its "step", as
// above; null when there is none.
OrderedJson read_lora_scale(const std::filesystem::path& run, int64_t step,
                            std::vector<std::string>& gaps);

// Up to `limit` of the kept answers side by side: [{messages, expected, base, tuned}]. Records'
// text.
OrderedJson sample_answers(const std::filesystem::path& run, const OrderedJson& evaluation,
                           size_t limit);

}  // namespace temper
