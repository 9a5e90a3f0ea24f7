#include "comm/local/local_process_group.h"

#include "common/error.h"

namespace temper {
namespace {

class LocalSharedBuffer : public SharedBuffer {
 public:
  explicit LocalSharedBuffer(int64_t num_elements)
      : tensor_(at::zeros({num_elements}, at::kFloat)) {}
  at::Tensor tensor() const override { return tensor_; }

 private:
  at::Tensor tensor_;
};

class LocalPeerBuffers : public PeerBuffers {
 public:
  explicit LocalPeerBuffers(int64_t num_elements)
      : tensor_(at::zeros({num_elements}, at::kFloat)) {}
  at::Tensor mine() const override { return tensor_; }

 private:
  at::Tensor tensor_;
};

class NoGather : public PendingGather {
 public:
  void wait() override {}
};

class LocalProcessGroup : public ProcessGroup {
 public:
  int rank() const override { return 0; }
  int size() const override { return 1; }
  std::string backend_name() const override { return "local"; }

  void barrier() override {}
  void broadcast(at::Tensor&, int root) override {
    TEMPER_CHECK(root == 0, "root {} in a group of one", root);
  }
  void all_reduce_sum(at::Tensor&) override {}
  void all_reduce_max(at::Tensor&) override {}
  void all_gather_in_place(at::Tensor&) override {}
  std::unique_ptr<PendingGather> start_all_gather(at::Tensor&) override {
    return std::make_unique<NoGather>();
  }
  void send(const at::Tensor&, int to) override { TEMPER_CHECK(false, "nobody is rank {}", to); }
  void receive(at::Tensor&, int from) override { TEMPER_CHECK(false, "nobody is rank {}", from); }

  void reduce_scatter(const at::Tensor& full, at::Tensor& accumulator, int active_ranks) override {
    TEMPER_CHECK(full.numel() == accumulator.numel(), "gradients of {} elements, accumulator of {}",
                 full.numel(), accumulator.numel());
    if (active_ranks > 0) accumulator.add_(full);
  }

  std::vector<std::string> all_gather_text(const std::string& mine) override { return {mine}; }
  std::unique_ptr<ProcessGroup> split(int, int) override { return make_local_process_group(); }

  std::unique_ptr<SharedBuffer> make_shared_buffer(int64_t num_elements) override {
    return std::make_unique<LocalSharedBuffer>(num_elements);
  }
  std::unique_ptr<PeerBuffers> make_peer_buffers(int64_t num_elements) override {
    return std::make_unique<LocalPeerBuffers>(num_elements);
  }
  int node_rank() const override { return 0; }
  int node_size() const override { return 1; }
  const TrafficCounters& traffic() const override { return traffic_; }

 private:
  TrafficCounters traffic_;
};

}  // namespace

std::unique_ptr<ProcessGroup> make_local_process_group() {
  return std::make_unique<LocalProcessGroup>();
}

}  // namespace temper
