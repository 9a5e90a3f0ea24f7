// The two kinds of node-shared memory of an MpiProcessGroup, which keeps a list of the live ones to
// recognise tensors that lie in them. They must not outlive it.
#pragma once

#include <cstdint>

#include "comm/mpi/mpi_process_group.h"
#include "comm/mpi/node_window.h"

namespace temper {

// One window segment, of the node's rank 0, seen by all.
class MpiSharedBuffer : public SharedBuffer {
 public:
  MpiSharedBuffer(MpiProcessGroup& group, int64_t num_elements);
  ~MpiSharedBuffer() override;
  at::Tensor tensor() const override { return tensor_; }
  bool contains(const float* data) const;

 private:
  MpiProcessGroup& group_;
  NodeWindow window_;
  at::Tensor tensor_;
};

// A window segment per rank.
class MpiPeerBuffers : public PeerBuffers {
 public:
  MpiPeerBuffers(MpiProcessGroup& group, int64_t num_elements);
  ~MpiPeerBuffers() override;
  at::Tensor mine() const override { return tensor_; }
  bool contains(const float* data) const;
  // The counterpart of `mine` in the segment of another rank of the node, as this process sees it.
  const float* of_peer(int node_rank, const float* mine) const;

 private:
  MpiProcessGroup& group_;
  NodeWindow window_;
  at::Tensor tensor_;
};

}  // namespace temper
