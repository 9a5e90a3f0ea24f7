// Memory that the ranks of a node share, as a ProcessGroup makes it. Both kinds are freed together:
// destroying them is collective over the group, except while an exception unwinds, when they are
// left to the end of the process.
#pragma once

#include <ATen/ATen.h>

namespace temper {

// One buffer, of which every rank of the group on this node maps the same physical pages.
class SharedBuffer {
 public:
  virtual ~SharedBuffer() = default;
  // The whole buffer, [num_elements] fp32, 64-byte aligned, the same memory on all ranks of a node.
  virtual at::Tensor tensor() const = 0;
};

// One segment per rank, which that rank writes and the other ranks of its node can read. Gradients
// that lie in it are reduced in place, without being sent.
class PeerBuffers {
 public:
  virtual ~PeerBuffers() = default;
  // This rank's segment, [num_elements] fp32, 64-byte aligned.
  virtual at::Tensor mine() const = 0;
};

}  // namespace temper
