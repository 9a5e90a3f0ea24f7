#include "sharding/replica_hashes.h"

#include <ATen/Parallel.h>

#include "common/fault_points.h"

namespace temper {
namespace {

Hash128 hash_tensor(const at::Tensor& values, const char* fault_name) {
  const at::Tensor here = values.cpu();  // itself where it is on the host
  if (here.scalar_type() == at::kFloat) {
    fault_values(fault_name, here.data_ptr<float>(), here.numel());
  }
  StreamHasher hasher;
  hasher.update(here.const_data_ptr(), here.nbytes());
  return hasher.digest();
}

// Each tensor is hashed by itself, on as many threads as compute; from a device one after the
// other, so that the host holds one copy at a time.
Hash128 hash_tensors(const std::vector<at::Tensor>& tensors, const char* fault_name) {
  std::vector<Hash128> hashes(tensors.size());
  const auto hash_some = [&](int64_t begin, int64_t end) {
    for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i) {
      hashes[i] = hash_tensor(tensors[i], fault_name);
    }
  };
  if (!tensors.empty() && tensors.front().is_cpu()) {
    at::parallel_for(0, std::ssize(tensors), 1, hash_some);
  } else {
    hash_some(0, std::ssize(tensors));
  }
  StreamHasher hasher;
  hasher.update(hashes.data(), hashes.size() * sizeof(Hash128));
  return hasher.digest();
}

}  // namespace

ReplicaHashes hash_replicas(const std::vector<ParameterGroup>& groups,
                            const std::vector<TrainableShard>& shards, int64_t turn) {
  std::vector<at::Tensor> state, unsharded, replicated;
  for (const TrainableShard& shard : shards) {
    state.insert(state.end(), {shard.weight, shard.adam_m, shard.adam_v});
  }
  for (const ParameterGroup& group : groups) {
    if (group.placement() == Placement::kUnsharded) unsharded.push_back(group.full());
    if (group.placement() == Placement::kReplicated) replicated.push_back(group.full());
  }
  if (!replicated.empty()) {
    replicated = {replicated[static_cast<size_t>(turn) % replicated.size()]};
  }
  StreamHasher copies;
  for (const Hash128& hash :
       {hash_tensors(unsharded, "gathered"), hash_tensors(replicated, "frozen")}) {
    copies.update(&hash, sizeof(hash));
  }
  return {hash_tensors(state, "state"), copies.digest()};
}

}  // namespace temper
