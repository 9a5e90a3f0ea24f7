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

#include "comm/errors.h"
#include "comm/shared_memory.h"
#include "comm/traffic.h"

namespace temper {

// A gather under way. The destructor waits for it, too.
class PendingGather {
 public:
  virtual ~PendingGather() = default;
  virtual void wait() = 0;
};

class ProcessGroup {
 public:
  virtual ~ProcessGroup() = default;

  virtual int rank() const = 0;
  virtual int size() const = 0;
  virtual std::string backend_name() const = 0;  // "local", "mpi", "nccl"

  // Also orders shared memory: what any rank wrote before, every rank of its node reads afterwards.
  virtual void barrier() = 0;
  virtual void broadcast(at::Tensor& tensor, int root) = 0;

  // Sums in place: integers exactly, floating point in the transport's order.
  virtual void all_reduce_sum(at::Tensor& tensor) = 0;
  virtual void all_reduce_max(at::Tensor& tensor) = 0;

  // `full` [size x n] is one buffer in which rank r's part is [r x n, (r + 1) x n). Every rank has
  // filled its own part; afterwards every rank has all parts. When `full` lies in a SharedBuffer of
  // this group and all ranks are on one node, nothing is copied: it is a barrier.
  virtual void all_gather_in_place(at::Tensor& full) = 0;

  // Begins all_gather_in_place, which is complete after wait(): between the two neither this rank's
  // part nor the others' may be touched. The tensor must outlive the result. Collective as
  // all_gather_in_place.
  virtual std::unique_ptr<PendingGather> start_all_gather(at::Tensor& full) = 0;

  // From one rank to another; between two ranks, tensors arrive in the order they were sent. Not
  // collective: the two ranks call one each, with the same size.
  virtual void send(const at::Tensor& tensor, int to) = 0;
  virtual void receive(at::Tensor& tensor, int from) = 0;

  // The ordered reduce-scatter: `full` [size x n] is this rank's gradient of one micro-batch,
  // `accumulator` [n] this rank's shard of the running sum. Adds to it the parts of ranks 0, 1, ...
  // active_ranks - 1, one after the other in that order, so the result has the same bits for any
  // group size. Ranks >= active_ranks contribute nothing; their `full` is not read. A `full` in
  // PeerBuffers of this group must lie there on every rank, at the same offset. Afterwards it may
  // be overwritten.
  virtual void reduce_scatter(const at::Tensor& full, at::Tensor& accumulator,
                              int active_ranks) = 0;

  // Returns every rank's text, in rank order, on every rank (small control data).
  virtual std::vector<std::string> all_gather_text(const std::string& mine) = 0;

  // Ranks with the same color form a new group, ordered by `key`.
  virtual std::unique_ptr<ProcessGroup> split(int color, int key) = 0;

  // Allocates one copy per node, zero-filled. Throws SharedMemoryError when /dev/shm is too small.
  virtual std::unique_ptr<SharedBuffer> make_shared_buffer(int64_t num_elements) = 0;
  // Allocates one segment of this size per rank, zero-filled. Throws as make_shared_buffer does.
  virtual std::unique_ptr<PeerBuffers> make_peer_buffers(int64_t num_elements) = 0;
  // The ranks of this group that share this node's memory.
  virtual int node_rank() const = 0;
  virtual int node_size() const = 0;

  virtual const TrafficCounters& traffic() const = 0;
};

}  // namespace temper
