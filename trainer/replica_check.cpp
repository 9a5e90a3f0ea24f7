#include "trainer/replica_check.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <map>

#include "common/error.h"
#include "io/json.h"

namespace temper {
namespace {

// The ranks that hold the same, by its hash.
using RankGroups = std::map<std::string, std::vector<size_t>>;

std::string describe_groups(const RankGroups& groups, const std::string& what) {
  if (groups.size() < 2) return "";
  const auto by_size = [](const auto& a, const auto& b) {
    return a.second.size() < b.second.size();
  };
  const auto largest = std::max_element(groups.begin(), groups.end(), by_size);
  const auto as_large = std::count_if(groups.begin(), groups.end(), [&](const auto& group) {
    return group.second.size() == largest->second.size();
  });
  std::vector<size_t> odd;
  for (const auto& [hash, ranks] : groups) {
    if (as_large > 1 || hash != largest->first) odd.insert(odd.end(), ranks.begin(), ranks.end());
  }
  std::sort(odd.begin(), odd.end());
  if (as_large > 1) {
    return fmt::format("ranks {} differ in {}, and none is in the majority", fmt::join(odd, ", "),
                       what);
  }
  return fmt::format("rank{} {} differ{} from the {} others in {}", odd.size() == 1 ? "" : "s",
                     fmt::join(odd, ", "), odd.size() == 1 ? "s" : "", largest->second.size(),
                     what);
}

}  // namespace

std::string find_odd_ranks(const std::vector<RankHashes>& ranks) {
  const auto compare = [&](const std::function<std::string(const RankHashes&)>& key,
                           int64_t shard_rank, const char* what) {
    RankGroups groups;
    for (size_t r = 0; r < ranks.size(); ++r) {
      if (shard_rank < 0 || ranks[r].shard_rank == shard_rank) groups[key(ranks[r])].push_back(r);
    }
    return describe_groups(groups, what);
  };
  const auto control = [](const RankHashes& rank) { return rank.control.hex(); };
  const auto copies = [](const RankHashes& rank) { return rank.weights.copies.hex(); };
  const auto shard = [](const RankHashes& rank) { return rank.weights.shard.hex(); };
  std::string found = compare(control, -1, "where the run stands");
  if (found.empty()) found = compare(copies, -1, "their copies of the weights");
  for (const RankHashes& rank : ranks) {
    if (found.empty() && ranks.size() > 1) {
      found = compare(shard, rank.shard_rank, "weights or optimizer state");
    }
  }
  return found;
}

void check_replicas(ShardedModel& model, int64_t step, const Hash128& control) {
  const ReplicaHashes mine = model.hash_replicas(step);
  const Json text = {model.mesh().shard().rank(), mine.shard.hex(), mine.copies.hex(),
                     control.hex()};
  std::vector<RankHashes> ranks;
  for (const std::string& received : model.mesh().world().all_gather_text(text.dump())) {
    const Json json = parse_json(received, "a rank's hashes");
    const auto hash = [&](size_t i) { return Hash128::from_hex(json.at(i).get<std::string>()); };
    ranks.push_back({json.at(0).get<int64_t>(), {hash(1), hash(2)}, hash(3)});
  }
  const std::string found = find_odd_ranks(ranks);
  if (found.empty()) return;
  throw AgreedError(
      fmt::format("after step {}: {}; the run stops. Go on from the last checkpoint (the same "
                  "command); if it happens again, look at that node's memory",
                  step, found),
      kExitFailed);
}

}  // namespace temper
