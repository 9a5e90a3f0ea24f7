// MpiProcessGroup::fold_scatter. An owner reads the leaves of its node's ranks in place when they
// lie in PeerBuffers. Leaves of ordinary memory pass through memory that the node shares where all
// ranks are on one; others are received. All are added in rank order.
#include <algorithm>
#include <cstring>

#include "arch/layout/working_memory.h"
#include "comm/host_staging.h"
#include "comm/mpi/mpi_check.h"
#include "comm/mpi/mpi_process_group.h"
#include "comm/mpi/mpi_shared_memory.h"
#include "comm/ordered_sum.h"
#include "comm/watch/heartbeat.h"
#include "common/error.h"
#include "common/fault_points.h"

namespace temper {
namespace {

constexpr int kFoldTag = 5;

}  // namespace

struct MpiProcessGroup::Fold {
  const float* leaf = nullptr;  // this rank's, [size x part]
  int64_t part = 0;
  bool in_place = false;  // leaves of this node are read where they are
  bool staged = false;    // they pass through node_staging_
  // By contributor: its leaf, or null when its part is staged or received.
  std::vector<const float*> leaves;

  int num_contributors() const { return static_cast<int>(leaves.size()); }
};

MpiProcessGroup::Fold MpiProcessGroup::plan_fold(const at::Tensor& leaf, int num_contributors) {
  Fold fold;
  fold.leaf = leaf.const_data_ptr<float>();
  fold.part = leaf.numel() / size_;
  const auto peers =
      std::find_if(peer_buffers_.begin(), peer_buffers_.end(),
                   [&](const MpiPeerBuffers* buffers) { return buffers->contains(fold.leaf); });
  fold.in_place = peers != peer_buffers_.end();
  if (!fold.in_place) prepare_staging();
  fold.staged = !fold.in_place && node_staging_;
  const int64_t part_bytes = fold.part * static_cast<int64_t>(sizeof(float));
  for (int r = 0; r < num_contributors; ++r) {
    if (r == rank_) {
      fold.leaves.push_back(fold.leaf);
    } else if (fold.in_place && node_rank_of_[r] >= 0) {
      fold.leaves.push_back((*peers)->of_peer(node_rank_of_[r], fold.leaf));
      traffic_.shared_read_bytes += part_bytes;
    } else {
      fold.leaves.push_back(nullptr);
      traffic_.reduce_bytes += part_bytes;
    }
  }
  return fold;
}

void MpiProcessGroup::fold_scatter(const at::Tensor& leaf, at::Tensor& accumulator,
                                   int num_contributors) {
  TEMPER_CHECK(leaf.numel() == accumulator.numel() * size_ && leaf.scalar_type() == at::kFloat &&
                   accumulator.scalar_type() == at::kFloat,
               "leaf of {} elements, accumulator of {}, {} ranks", leaf.numel(),
               accumulator.numel(), size_);
  TEMPER_CHECK(num_contributors >= 0 && num_contributors <= size_, "{} contributors among {} ranks",
               num_contributors, size_);
  const OperationScope scope(Operation::kFold);
  fault_point("reduce");
  const at::Tensor host_leaf = to_host(leaf);
  at::Tensor host_accumulator = to_host(accumulator);
  const Fold fold = plan_fold(host_leaf, num_contributors);
  int64_t max_count =
      std::min(max_message_elements_, std::max<int64_t>(1, kMaxStagedElements / size_));
  if (fold.staged) max_count = std::min(max_count, node_staging_->slot_elements());
  if (fold.in_place) node_barrier();  // the leaves are written
  for (int64_t begin = 0; begin < fold.part; begin += max_count) {
    const int64_t count = std::min(max_count, fold.part - begin);
    fold_slice(fold, begin, count, host_accumulator.data_ptr<float>() + begin);
  }
  if (fold.in_place) node_barrier();  // the leaves may be overwritten
  return_from_host(host_accumulator, accumulator);
}

// Over several nodes the messages to the others would be as short as the slots. And messages do
// without it, so that too little memory to share is no error.
void MpiProcessGroup::prepare_staging() {
  if (staging_was_tried_ || node_size_ != size_) return;
  staging_was_tried_ = true;
  try {
    node_staging_ = std::make_unique<NodeStaging>(node_comm_);
  } catch (const SharedMemoryError&) {
    node_staging_.reset();
  }
}

// Each rank copies what the others own.
void MpiProcessGroup::stage_slice(const Fold& fold, int64_t begin, int64_t count) {
  for (int owner = 0; owner < size_ && rank_ < fold.num_contributors(); ++owner) {
    if (owner == rank_) continue;
    std::memcpy(node_staging_->slot_for(node_rank_of_[owner]),
                fold.leaf + owner * fold.part + begin, static_cast<size_t>(count) * sizeof(float));
  }
  node_barrier();
}

// Point to point rather than MPI_Alltoallv, whose displacements are int: large leaves are not.
void MpiProcessGroup::fold_slice(const Fold& fold, int64_t begin, int64_t count,
                                 float* accumulator) {
  if (fold.staged) stage_slice(fold, begin, count);
  const auto needs_message = [&](int r) {
    return node_rank_of_[r] < 0 || !(fold.staged || fold.in_place);
  };
  const auto num_received = std::count(fold.leaves.begin(), fold.leaves.end(), nullptr);
  if (const auto needed = static_cast<size_t>(num_received * count); received_.size() < needed) {
    received_.resize(needed);
  }

  std::vector<MPI_Request> requests;
  std::vector<const float*> parts;
  float* next = received_.data();
  for (int r = 0; r < fold.num_contributors(); ++r) {
    if (fold.leaves[r] != nullptr) {
      parts.push_back(fold.leaves[r] + rank_ * fold.part + begin);
    } else if (!needs_message(r)) {
      parts.push_back(node_staging_->slot_from(node_rank_of_[r]));
    } else {
      check_mpi(MPI_Irecv(next, static_cast<int>(count), MPI_FLOAT, r, kFoldTag, comm_,
                          &requests.emplace_back()),
                "MPI_Irecv (gradient)");
      parts.push_back(next);
      next += count;
    }
  }
  for (int step = 1; step < size_ && rank_ < fold.num_contributors(); ++step) {
    const int owner = (rank_ + step) % size_;
    if (!needs_message(owner)) continue;
    check_mpi(MPI_Isend(fold.leaf + owner * fold.part + begin, static_cast<int>(count), MPI_FLOAT,
                        owner, kFoldTag, comm_, &requests.emplace_back()),
              "MPI_Isend (gradient)");
  }
  check_mpi(MPI_Waitall(static_cast<int>(requests.size()), requests.data(), MPI_STATUSES_IGNORE),
            "MPI_Waitall (gradient)");
  add_in_order(accumulator, parts, count);
  if (fold.staged) node_staging_->end_turn();
}

}  // namespace temper
