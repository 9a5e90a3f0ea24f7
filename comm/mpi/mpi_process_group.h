// The MPI backend of ProcessGroup. CUDA tensors are staged through host memory.
#pragma once

#include <mpi.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "comm/mpi/node_staging.h"
#include "comm/process_group.h"

namespace temper {

class MpiSharedBuffer;
class MpiPeerBuffers;

class MpiProcessGroup : public ProcessGroup {
 public:
  // Takes a duplicate of `comm`. Collective over it.
  explicit MpiProcessGroup(MPI_Comm comm);
  ~MpiProcessGroup() override;
  MpiProcessGroup(const MpiProcessGroup&) = delete;
  MpiProcessGroup& operator=(const MpiProcessGroup&) = delete;

  int rank() const override { return rank_; }
  int size() const override { return size_; }
  std::string backend_name() const override { return "mpi"; }
  void barrier() override;
  void broadcast(at::Tensor& tensor, int root) override;
  void all_reduce_sum(at::Tensor& tensor) override;
  void all_reduce_max(at::Tensor& tensor) override;
  void all_gather_in_place(at::Tensor& full) override;
  std::unique_ptr<PendingGather> start_all_gather(at::Tensor& full) override;
  void send(const at::Tensor& tensor, int to) override;
  void receive(at::Tensor& tensor, int from) override;
  void reduce_scatter(const at::Tensor& full, at::Tensor& accumulator, int active_ranks) override;
  std::vector<std::string> all_gather_text(const std::string& mine) override;
  std::unique_ptr<ProcessGroup> split(int color, int key) override;
  std::unique_ptr<SharedBuffer> make_shared_buffer(int64_t num_elements) override;
  std::unique_ptr<PeerBuffers> make_peer_buffers(int64_t num_elements) override;
  int node_rank() const override { return node_rank_; }
  int node_size() const override { return node_size_; }
  // The ranks of this group on this node, in their order there.
  std::vector<int> node_ranks() const;
  const TrafficCounters& traffic() const override { return traffic_; }

 private:
  friend class MpiSharedBuffer;
  friend class MpiPeerBuffers;

  void find_nodes();
  void node_barrier();
  void all_reduce(at::Tensor& tensor, MPI_Op operation, const char* name);
  bool in_shared_buffer(const at::Tensor& tensor) const;
  bool gathers_in_place(const at::Tensor& full) const;
  int64_t bytes_of_others(const at::Tensor& full) const;
  template <typename Call>
  void for_each_slice(const at::Tensor& host, const Call& call) const;
  class Gather;
  struct Reduction;
  Reduction plan_reduction(const at::Tensor& full, int active_ranks);
  void prepare_staging();
  void stage_slice(const Reduction& reduction, int64_t begin, int64_t count);
  void reduce_slice(const Reduction& reduction, int64_t begin, int64_t count, float* accumulator);

  MPI_Comm comm_ = MPI_COMM_NULL;
  MPI_Comm node_comm_ = MPI_COMM_NULL;
  int rank_ = 0;
  int size_ = 1;
  int node_rank_ = 0;
  int node_size_ = 1;
  // The rank in this node's communicator of each rank of the group, or -1 on another node.
  std::vector<int> node_rank_of_;
  int64_t max_message_elements_;
  std::vector<float> received_;  // parts that other ranks sent
  // Made when gradients in ordinary memory are reduced for the first time; null, too, where
  // /dev/shm had no room for it.
  std::unique_ptr<NodeStaging> node_staging_;
  bool staging_was_tried_ = false;
  std::vector<const MpiSharedBuffer*> shared_buffers_;
  std::vector<const MpiPeerBuffers*> peer_buffers_;
  TrafficCounters traffic_;
};

}  // namespace temper
