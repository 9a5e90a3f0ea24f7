// Hashes by which ranks find out that they no longer hold the same.
#pragma once

#include <cstdint>
#include <vector>

#include "common/hash.h"
#include "sharding/parameter_group.h"

namespace temper {

// Hashes of state that must be identical on other ranks.
struct ReplicaHashes {
  Hash128 shard;   // weights and optimizer state; alike in all replicas
  Hash128 copies;  // whole weights that this rank holds for itself; alike on all ranks
};

// `shards` is empty where no other rank holds them. Of the groups that each rank has copied from
// the files, only one is hashed in a call, chosen by `turn`: a large base takes long.
ReplicaHashes hash_replicas(const std::vector<ParameterGroup>& groups,
                            const std::vector<TrainableShard>& shards, int64_t turn);

}  // namespace temper
