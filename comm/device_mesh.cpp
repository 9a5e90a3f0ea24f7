#include "comm/device_mesh.h"

#include "common/error.h"

namespace temper {

DeviceMesh::DeviceMesh(ProcessGroup& world, int num_replicas) : world_(world) {
  TEMPER_CHECK(num_replicas >= 1 && world.size() % num_replicas == 0, "{} replicas of {} ranks",
               num_replicas, world.size());
  if (num_replicas == 1) return;
  const int shard_size = world.size() / num_replicas;
  shard_ = world.split(world.rank() / shard_size, world.rank());
  replicate_ = world.split(world.rank() % shard_size, world.rank());
}

TrafficCounters DeviceMesh::traffic() const {
  TrafficCounters sum = world_.traffic();
  if (shard_) sum += shard_->traffic();
  if (replicate_) sum += replicate_->traffic();
  return sum;
}

}  // namespace temper
