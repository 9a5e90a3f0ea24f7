// Checks that ranks which should hold the same do. Memory without error correction, a driver or a
// network card may change a bit of one, and training would go on with several models.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "comm/process_group.h"
#include "common/hash.h"
#include "sharding/sharded_model.h"

namespace temper {

struct RankHashes {
  int64_t shard_rank = 0;  // the rank's number within its replica
  ReplicaHashes weights;
  Hash128 control;  // where the run stands, and what it decides from
};

// // Tells in one sentence which ranks differ from the majority, and in what; empty when none does.
// Where two halves differ it names both. Pure.
std::string find_odd_ranks(const std::vector<RankHashes>& ranks);

// Compares all ranks' hashes; AgreedError naming those that differ. `step` also picks which part of
// a frozen base is compared. Collective.
void check_replicas(ShardedModel& model, int64_t step, const Hash128& control);

}  // namespace temper
