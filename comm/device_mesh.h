// The ranks of a run as a grid, shards x replicas (hybrid sharding, HSDP): a replica is a run of
// consecutive ranks that share one copy of the weights, each holding 1 / shard size of it; ranks
// with the same number in their replicas hold the same shard. With one replica all ranks share one
// copy.
#pragma once

#include <memory>

#include "comm/process_group.h"

namespace temper {

class DeviceMesh {
 public:
  // `world` must outlive the mesh; the replicas must divide its ranks. Collective.
  DeviceMesh(ProcessGroup& world, int num_replicas);

  ProcessGroup& world() const { return world_; }
  // The ranks of this replica. World rank = replica x shard().size() + shard().rank().
  ProcessGroup& shard() const { return shard_ ? *shard_ : world_; }
  // The ranks that hold this shard, in the order of their replicas; only with several replicas.
  ProcessGroup& replicate() const { return *replicate_; }

  int replica() const { return replicate_ ? replicate_->rank() : 0; }
  int num_replicas() const { return replicate_ ? replicate_->size() : 1; }

  // What this rank received in all groups of the mesh.
  TrafficCounters traffic() const;

 private:
  ProcessGroup& world_;
  std::unique_ptr<ProcessGroup> shard_;  // null with one replica: it is the world
  std::unique_ptr<ProcessGroup> replicate_;
};

}  // namespace temper
