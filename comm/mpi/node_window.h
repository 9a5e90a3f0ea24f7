// Memory that the ranks of a node share, as an owning object around MPI_Win_allocate_shared.
#pragma once

#include <mpi.h>

#include <cstdint>
#include <memory>

namespace temper {

class NodeWindow {
 public:
  // Every rank of `node_comm` gets a segment of its own `num_bytes` (0 is fine), not initialised.
  // A rank alone on its node gets private memory. All
  // ranks of `group_comm`, which has this node's among others', call this together: when /dev/shm
  // of one node is too small, all throw a SharedMemoryError with that node's needed and free bytes.
  NodeWindow(MPI_Comm group_comm, MPI_Comm node_comm, int64_t num_bytes);
  // Collective over node_comm, except while an exception unwinds (the other ranks would not come).
  ~NodeWindow();
  NodeWindow(const NodeWindow&) = delete;
  NodeWindow& operator=(const NodeWindow&) = delete;

  // The segment of a rank of the node as this process sees it, 64-byte aligned.
  float* segment(int node_rank) const;

 private:
  MPI_Win window_ = MPI_WIN_NULL;
  std::unique_ptr<char[]> private_memory_;
};

}  // namespace temper
