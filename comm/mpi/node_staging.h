// Working memory through which the ranks of a node pass parts of their ordinary memory to each
// other: everybody copies in, a barrier, everybody reads. It is so small that it stays in the
// processor's caches, and has two halves that take turns, so that one barrier a turn is enough: who
// writes the next turn touches the other half, while the slowest may still read this one.
#pragma once

#include <mpi.h>

#include <cstdint>
#include <vector>

#include "comm/mpi/node_window.h"

namespace temper {

class NodeStaging {
 public:
  // Collective over `node_comm`; throws as NodeWindow does.
  explicit NodeStaging(MPI_Comm node_comm);

  // The size of a slot, which is the same on all ranks of the node.
  int64_t slot_elements() const { return slot_elements_; }
  // Where this rank writes what `reader` gets in this turn. Ranks are the node's.
  float* slot_for(int reader) { return slot(node_rank_, reader); }
  // Where `writer` has written what this rank gets: after a barrier of the node.
  const float* slot_from(int writer) const { return slot(writer, node_rank_); }
  // Every rank of the node calls this after it has read.
  void end_turn() { half_ = 1 - half_; }

 private:
  float* slot(int writer, int reader) const;

  int node_rank_ = 0;
  int node_size_ = 1;
  int64_t slot_elements_ = 0;
  int half_ = 0;
  NodeWindow window_;
  std::vector<float*> segments_;  // by rank of the node
};

}  // namespace temper
