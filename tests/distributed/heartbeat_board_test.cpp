#include "comm/watch/heartbeat_board.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <numeric>

#include "world.h"

namespace temper {
namespace {

std::vector<int> all_ranks() {
  std::vector<int> ranks(static_cast<size_t>(world().size()));
  std::iota(ranks.begin(), ranks.end(), 0);
  return ranks;
}

TEST(HeartbeatBoard, every_rank_of_the_node_sees_what_the_others_do) {
  heartbeat::set_step(7);
  HeartbeatBoard board(world(), all_ranks());
  ASSERT_EQ(board.members().size(), static_cast<size_t>(world().size()));
  const auto& mine = board.members()[static_cast<size_t>(world().rank())];
  EXPECT_EQ(mine.pid, getpid());
  EXPECT_EQ(mine.heartbeat, &heartbeat::mine());
  EXPECT_EQ(mine.heartbeat->step, 7);  // from before
  heartbeat::set_step(100 + world().rank());
  world().barrier();
  for (const auto& member : board.members()) {
    EXPECT_EQ(member.heartbeat->step, 100 + member.rank);
    EXPECT_EQ(member.pid == getpid(), member.rank == world().rank());
  }
  world().barrier();
}

TEST(HeartbeatBoard, one_rank_of_the_node_reports) {
  HeartbeatBoard board(world(), all_ranks());
  at::Tensor claims = at::tensor({static_cast<int64_t>(board.claim_report())}, at::kLong);
  world().all_reduce_sum(claims);
  EXPECT_EQ(claims.item<int64_t>(), 1);
  EXPECT_FALSE(board.claim_report());
}

TEST(HeartbeatBoard, nodes_have_boards_of_their_own) {
  // Each rank a node.
  HeartbeatBoard board(world(), {world().rank()});
  ASSERT_EQ(board.members().size(), 1u);
  EXPECT_EQ(board.members()[0].rank, world().rank());
  EXPECT_TRUE(board.claim_report());
}

}  // namespace
}  // namespace temper
