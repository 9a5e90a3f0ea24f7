// Restores a sharded training state (docs/formats/checkpoint.md; checkpoint_saver.h saves it), on
// any number of ranks: each reads only the slices that it now owns.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "checkpoint/checkpoint_reader.h"
#include "run/checkpoint/commit_record.h"
#include "sharding/sharded_model.h"

namespace temper {

// Overwrites the model's weights and optimizer state, and checks them against the record's state
// hash: damage anywhere in what was read is an AgreedError.
// Collective over the model's ranks, as state_hash.
CommitRecord restore_checkpoint(const std::filesystem::path& directory, ShardedModel& model);

// Computes the state hash of what the model holds now.
Hash128 state_hash(ShardedModel& model, int64_t step, int64_t rows_consumed);

}  // namespace temper
