#include "trainer/replica_check.h"

#include <gtest/gtest.h>

namespace temper {
namespace {

// Two replicas of `shard_size` ranks, or more.
std::vector<RankHashes> alike(size_t num_ranks, int64_t shard_size) {
  std::vector<RankHashes> ranks(num_ranks);
  for (size_t r = 0; r < num_ranks; ++r) {
    ranks[r].shard_rank = static_cast<int64_t>(r) % shard_size;
    ranks[r].weights.shard = hash_text(std::to_string(ranks[r].shard_rank));
    ranks[r].weights.copies = hash_text("copies");
    ranks[r].control = hash_text("control");
  }
  return ranks;
}

TEST(ReplicaCheck, nobody_is_odd_among_equals) {
  EXPECT_EQ(find_odd_ranks(alike(1, 1)), "");
  EXPECT_EQ(find_odd_ranks(alike(6, 2)), "");
}

TEST(ReplicaCheck, the_majority_tells_who_is_wrong) {
  std::vector<RankHashes> ranks = alike(6, 2);
  ranks[3].weights.shard = hash_text("flipped");
  EXPECT_EQ(find_odd_ranks(ranks),
            "rank 3 differs from the 2 others in weights or optimizer state");
  ranks = alike(4, 4);
  ranks[2].weights.copies = hash_text("flipped");
  EXPECT_EQ(find_odd_ranks(ranks),
            "rank 2 differs from the 3 others in their copies of the weights");
}

TEST(ReplicaCheck, without_a_majority_all_are_named) {
  std::vector<RankHashes> ranks = alike(4, 2);
  ranks[1].weights.shard = hash_text("flipped");
  EXPECT_EQ(find_odd_ranks(ranks),
            "ranks 1, 3 differ in weights or optimizer state, and none is in the majority");
}

TEST(ReplicaCheck, where_the_run_stands_comes_first) {
  std::vector<RankHashes> ranks = alike(3, 3);
  ranks[0].control = hash_text("elsewhere");
  ranks[0].weights.copies = hash_text("others");
  EXPECT_EQ(find_odd_ranks(ranks), "rank 0 differs from the 2 others in where the run stands");
}

}  // namespace
}  // namespace temper
