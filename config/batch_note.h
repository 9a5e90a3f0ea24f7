// The batch of a run whose file names it as other trainers do: they count the micro-batches of one
// rank, temper those of all ranks.
#pragma once

#include <cstdint>
#include <string>

#include "config/run_config.h"

namespace temper {

// One sentence with the global batch and what the other trainer makes of the same file on so many
// ranks; empty where both are the same, or the file gives global_batch_size.
std::string batch_note(const RunConfig& config, int64_t num_ranks);

}  // namespace temper
