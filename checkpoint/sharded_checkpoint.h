// Saving and restoring a sharded training state (docs/formats/checkpoint.md).
//
// Every rank writes its own shards; nothing is gathered. The directory stays invisible
// (`step-N.ATTEMPT.partial`) until rank 0 has written the commit record and renamed it, so a
// checkpoint is complete or not there, whenever the job is killed. Restoring works on any number of
// ranks: each reads only the slices that it now owns.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "checkpoint/checkpoint_reader.h"
#include "run/commit_record.h"
#include "run/run_directory.h"
#include "sharding/sharded_model.h"

namespace temper {

// Writes step-<record.step>/ and moves `latest`. `record` says what the state belongs to; its
// world_size, state_hash and files are filled in here. Returns the committed record. When an
// undamaged checkpoint of that step with the same state exists already it is kept and returned;
// anything else of its name is set aside. AgreedError (a weight or moment that is not finite, disk
// full, another attempt owns the run, ...) leaves no partial directory of this attempt behind. Of
// several replicas the first one writes; that all hold the same state is checked.
// Collective over the model's ranks, as the two below.
CommitRecord save_checkpoint(ShardedModel& model, const RunDirectory& run,
                             const std::string& attempt, CommitRecord record);

// Overwrites the model's weights and optimizer state, and checks them against the record's state
// hash: damage anywhere in what was read is an AgreedError.
CommitRecord restore_checkpoint(const std::filesystem::path& directory, ShardedModel& model);

// The state hash of what the model holds now.
Hash128 state_hash(ShardedModel& model, int64_t step, int64_t rows_consumed);

}  // namespace temper
