#include "comm/mpi/mpi_shared_memory.h"

#include <algorithm>
#include <cstring>

#include "common/error.h"

namespace temper {
namespace {

constexpr int64_t kElementBytes = sizeof(float);

bool lies_in(const at::Tensor& tensor, const float* data) {
  const float* begin = tensor.const_data_ptr<float>();
  return data >= begin && data < begin + tensor.numel();
}

template <typename T>
void forget(std::vector<const T*>& list, const T* entry) {
  list.erase(std::remove(list.begin(), list.end(), entry), list.end());
}

}  // namespace

MpiSharedBuffer::MpiSharedBuffer(MpiProcessGroup& group, int64_t num_elements)
    : group_(group),
      window_(group.comm_, group.node_comm_,
              group.node_rank_ == 0 ? num_elements * kElementBytes : 0),
      tensor_(at::from_blob(window_.segment(0), {num_elements}, at::kFloat)) {
  // Each rank touches a share first, which spreads the pages over the memory of all sockets.
  const int64_t share = (num_elements + group.node_size_ - 1) / group.node_size_;
  const int64_t begin = std::min(num_elements, share * group.node_rank_);
  const int64_t end = std::min(num_elements, begin + share);
  std::memset(window_.segment(0) + begin, 0, static_cast<size_t>((end - begin) * kElementBytes));
  group_.node_barrier();
  group_.shared_buffers_.push_back(this);
}

MpiSharedBuffer::~MpiSharedBuffer() {
  forget(group_.shared_buffers_, this);
}

bool MpiSharedBuffer::contains(const float* data) const {
  return lies_in(tensor_, data);
}

MpiPeerBuffers::MpiPeerBuffers(MpiProcessGroup& group, int64_t num_elements)
    : group_(group),
      window_(group.comm_, group.node_comm_, num_elements * kElementBytes),
      tensor_(at::from_blob(window_.segment(group.node_rank_), {num_elements}, at::kFloat)) {
  tensor_.zero_();
  group_.node_barrier();
  group_.peer_buffers_.push_back(this);
}

MpiPeerBuffers::~MpiPeerBuffers() {
  forget(group_.peer_buffers_, this);
}

bool MpiPeerBuffers::contains(const float* data) const {
  return lies_in(tensor_, data);
}

const float* MpiPeerBuffers::of_peer(int node_rank, const float* mine) const {
  return window_.segment(node_rank) + (mine - tensor_.const_data_ptr<float>());
}

}  // namespace temper
