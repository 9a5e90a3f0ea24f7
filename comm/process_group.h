// Collective communication among the ranks of a group.
//
// Every operation is collective: all ranks of the group call it in the same order, with the same
// sizes. Tensors are contiguous. Errors of the transport are SystemErrors. A group of one works
// everywhere, without MPI.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/error.h"

namespace temper {

// An error that all ranks of the group throw together: rank 0 shows it, and all leave in order.
class AgreedError : public Error {
 public:
  AgreedError(const std::string& message, int exit_code) : Error(message, exit_code) {}
};

// /dev/shm of a node is too small; the text names needed and free bytes.
class SharedMemoryError : public AgreedError {
 public:
  explicit SharedMemoryError(const std::string& message) : AgreedError(message, kExitFailed) {}
};

// Bytes that this rank received over the group's lifetime, by operation.
struct TrafficCounters {
  int64_t all_gather_bytes = 0;
  int64_t reduce_bytes = 0;  // folded or reduced, and received point to point
  int64_t other_bytes = 0;
  int64_t shared_read_bytes = 0;  // read in place from another rank's shared memory, not received

  TrafficCounters& operator+=(const TrafficCounters& other) {
    all_gather_bytes += other.all_gather_bytes;
    reduce_bytes += other.reduce_bytes;
    other_bytes += other.other_bytes;
    shared_read_bytes += other.shared_read_bytes;
    return *this;
  }
};

// Memory of which every rank of the group on this node maps the same physical pages.
class SharedBuffer {
 public:
  virtual ~SharedBuffer() = default;
  // The whole buffer, [num_elements] fp32, 64-byte aligned, the same memory on all ranks of a node.
  virtual at::Tensor tensor() const = 0;
};

// Memory that each rank writes and the other ranks of its node can read: one segment per rank. A
// leaf gradient that lies in it is folded in place, without being sent.
class PeerBuffers {
 public:
  virtual ~PeerBuffers() = default;
  // This rank's segment, [num_elements] fp32, 64-byte aligned.
  virtual at::Tensor mine() const = 0;
};

// A gather under way. The destructor waits for it, too.
class PendingGather {
 public:
  virtual ~PendingGather() = default;
  virtual void wait() = 0;
};

// Both kinds of shared memory are freed together: destroying them is collective over the group,
// except while an exception unwinds, when they are left to the end of the process.

class ProcessGroup {
 public:
  virtual ~ProcessGroup() = default;

  virtual int rank() const = 0;
  virtual int size() const = 0;
  virtual std::string backend_name() const = 0;  // "local", "mpi", "nccl"

  // Also orders shared memory: what any rank wrote before, every rank of its node reads afterwards.
  virtual void barrier() = 0;
  virtual void broadcast(at::Tensor& tensor, int root) = 0;

  // Sums in place. Integers exactly; floating point in the transport's order.
  virtual void all_reduce_sum(at::Tensor& tensor) = 0;
  virtual void all_reduce_max(at::Tensor& tensor) = 0;

  // `full` [size x n] is one buffer in which rank r's part is [r x n, (r + 1) x n). Every rank has
  // filled its own part; afterwards every rank has all parts. When `full` lies in a SharedBuffer of
  // this group and all ranks are on one node, nothing is copied: it is a barrier.
  virtual void all_gather_in_place(at::Tensor& full) = 0;

  // The same begun now and complete after wait(): between the two neither this rank's part nor the
  // others' may be touched. The tensor must outlive the result. Collective as all_gather_in_place.
  virtual std::unique_ptr<PendingGather> start_all_gather(at::Tensor& full) = 0;

  // From one rank to another; between two ranks, tensors arrive in the order they were sent. Not
  // collective: the two ranks call one each, with the same size.
  virtual void send(const at::Tensor& tensor, int to) = 0;
  virtual void receive(at::Tensor& tensor, int from) = 0;

  // The fold of decision 5 (docs/decisions): `leaf` [size x n] is this rank's gradient of one
  // micro-batch, `accumulator` [n] this rank's shard of the running sum. Adds to it the parts of
  // ranks 0, 1, ... num_contributors - 1, one after the other in that order, so the result has the
  // same bits for any group size. Ranks >= num_contributors contribute nothing; their leaf is not
  // read. A leaf in PeerBuffers of this group must lie there on every rank, at the same offset.
  // Afterwards the leaf may be overwritten.
  virtual void fold_scatter(const at::Tensor& leaf, at::Tensor& accumulator,
                            int num_contributors) = 0;

  // Host bytes of every rank, in rank order, on every rank (small control data).
  virtual std::vector<std::string> all_gather_text(const std::string& mine) = 0;

  // Ranks with the same color form a new group, ordered by `key`.
  virtual std::unique_ptr<ProcessGroup> split(int color, int key) = 0;

  // One copy per node, zero-filled. Throws SharedMemoryError when /dev/shm is too small.
  virtual std::unique_ptr<SharedBuffer> make_shared_buffer(int64_t num_elements) = 0;
  // One segment of this size per rank, zero-filled. Throws as make_shared_buffer does.
  virtual std::unique_ptr<PeerBuffers> make_peer_buffers(int64_t num_elements) = 0;
  // The ranks of this group that share this node's memory.
  virtual int node_rank() const = 0;
  virtual int node_size() const = 0;

  virtual const TrafficCounters& traffic() const = 0;
};

}  // namespace temper
