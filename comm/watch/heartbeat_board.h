// The heartbeats of the ranks of one node, in memory that they share. It has no name in any file
// system: whatever kills the ranks, nothing of it stays, and /dev/shm may be as small as it likes.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "comm/process_group.h"
#include "comm/watch/heartbeat.h"

namespace temper {

class HeartbeatBoard {
 public:
  struct Member {
    int rank = 0;  // in the world
    pid_t pid = 0;
    Heartbeat* heartbeat = nullptr;
  };

  // Puts this process's heartbeat onto the board of its node. `node_ranks`: the ranks of `world` on
  // this node, this one's among them. Where the memory cannot be shared (each rank in a container
  // of its own) the board has this rank alone. Collective over `world`.
  HeartbeatBoard(ProcessGroup& world, const std::vector<int>& node_ranks);
  HeartbeatBoard(const HeartbeatBoard&) = delete;
  HeartbeatBoard& operator=(const HeartbeatBoard&) = delete;

  // This rank and those of its node whose heartbeats can be seen, by rank.
  const std::vector<Member>& members() const { return members_; }
  // True for the first of the node's ranks that asks.
  bool claim_report();

 private:
  struct Header {
    uint64_t cookie = 0;
    std::atomic<bool> is_reported{false};
  };
  struct Page;

  // The memory stays mapped until the process ends: threads may beat to the last.
  Header* header_ = nullptr;
  std::vector<Member> members_;
};

}  // namespace temper
