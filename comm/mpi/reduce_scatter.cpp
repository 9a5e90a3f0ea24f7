// MpiProcessGroup::reduce_scatter. An owner reads the gradients of its node's ranks in place when
// they lie in PeerBuffers. Gradients in ordinary memory pass through memory that the node shares
// where all ranks are on one node; others are received. All are added in rank order, because sums
// in MPI's order would have other bits on another number of ranks.
#include <algorithm>
#include <cstring>

#include "arch/layout/working_memory.h"
#include "comm/mpi/host_staging.h"
#include "comm/mpi/mpi_check.h"
#include "comm/mpi/mpi_process_group.h"
#include "comm/mpi/mpi_shared_memory.h"
#include "comm/mpi/ordered_sum.h"
#include "comm/watch/heartbeat.h"
#include "common/error.h"
#include "common/fault_points.h"

namespace temper {
namespace {

constexpr int kReduceTag = 5;

}  // namespace

struct MpiProcessGroup::Reduction {
  const float* full = nullptr;  // this rank's, [size x part]
  int64_t part = 0;
  bool in_place = false;  // gradients of this node are read where they are
  bool staged = false;    // they pass through node_staging_
  // By active rank: its gradient, or null when its part is staged or received.
  std::vector<const float*> sources;

  int active_ranks() const { return static_cast<int>(sources.size()); }
};

MpiProcessGroup::Reduction MpiProcessGroup::plan_reduction(const at::Tensor& full,
                                                           int active_ranks) {
  Reduction reduction;
  reduction.full = full.const_data_ptr<float>();
  reduction.part = full.numel() / size_;
  const auto peers = std::find_if(
      peer_buffers_.begin(), peer_buffers_.end(),
      [&](const MpiPeerBuffers* buffers) { return buffers->contains(reduction.full); });
  reduction.in_place = peers != peer_buffers_.end();
  if (!reduction.in_place) prepare_staging();
  reduction.staged = !reduction.in_place && node_staging_;
  const int64_t part_bytes = reduction.part * static_cast<int64_t>(sizeof(float));
  for (int r = 0; r < active_ranks; ++r) {
    if (r == rank_) {
      reduction.sources.push_back(reduction.full);
    } else if (reduction.in_place && node_rank_of_[r] >= 0) {
      reduction.sources.push_back((*peers)->of_peer(node_rank_of_[r], reduction.full));
      traffic_.shared_read_bytes += part_bytes;
    } else {
      reduction.sources.push_back(nullptr);
      traffic_.reduce_bytes += part_bytes;
    }
  }
  return reduction;
}

void MpiProcessGroup::reduce_scatter(const at::Tensor& full, at::Tensor& accumulator,
                                     int active_ranks) {
  TEMPER_CHECK(full.numel() == accumulator.numel() * size_ && full.scalar_type() == at::kFloat &&
                   accumulator.scalar_type() == at::kFloat,
               "gradients of {} elements, accumulator of {}, {} ranks", full.numel(),
               accumulator.numel(), size_);
  TEMPER_CHECK(active_ranks >= 0 && active_ranks <= size_, "{} active ranks among {} ranks",
               active_ranks, size_);
  const OperationScope scope(Operation::kReduceScatter);
  fault_point("reduce");
  const at::Tensor host_full = to_host(full);
  at::Tensor host_accumulator = to_host(accumulator);
  const Reduction reduction = plan_reduction(host_full, active_ranks);
  int64_t max_count =
      std::min(max_message_elements_, std::max<int64_t>(1, kMaxStagedElements / size_));
  if (reduction.staged) max_count = std::min(max_count, node_staging_->slot_elements());
  if (reduction.in_place) node_barrier();  // the gradients are written
  for (int64_t begin = 0; begin < reduction.part; begin += max_count) {
    const int64_t count = std::min(max_count, reduction.part - begin);
    reduce_slice(reduction, begin, count, host_accumulator.data_ptr<float>() + begin);
  }
  if (reduction.in_place) node_barrier();  // the gradients may be overwritten
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
void MpiProcessGroup::stage_slice(const Reduction& reduction, int64_t begin, int64_t count) {
  for (int owner = 0; owner < size_ && rank_ < reduction.active_ranks(); ++owner) {
    if (owner == rank_) continue;
    std::memcpy(node_staging_->slot_for(node_rank_of_[owner]),
                reduction.full + owner * reduction.part + begin,
                static_cast<size_t>(count) * sizeof(float));
  }
  node_barrier();
}

// Point to point rather than MPI_Alltoallv, whose displacements are int: large gradients are not.
void MpiProcessGroup::reduce_slice(const Reduction& reduction, int64_t begin, int64_t count,
                                   float* accumulator) {
  if (reduction.staged) stage_slice(reduction, begin, count);
  const auto needs_message = [&](int r) {
    return node_rank_of_[r] < 0 || !(reduction.staged || reduction.in_place);
  };
  const auto num_received = std::count(reduction.sources.begin(), reduction.sources.end(), nullptr);
  if (const auto needed = static_cast<size_t>(num_received * count); received_.size() < needed) {
    received_.resize(needed);
  }

  std::vector<MPI_Request> requests;
  std::vector<const float*> parts;
  float* next = received_.data();
  for (int r = 0; r < reduction.active_ranks(); ++r) {
    if (reduction.sources[r] != nullptr) {
      parts.push_back(reduction.sources[r] + rank_ * reduction.part + begin);
    } else if (!needs_message(r)) {
      parts.push_back(node_staging_->slot_from(node_rank_of_[r]));
    } else {
      check_mpi(MPI_Irecv(next, static_cast<int>(count), MPI_FLOAT, r, kReduceTag, comm_,
                          &requests.emplace_back()),
                "MPI_Irecv (gradient)");
      parts.push_back(next);
      next += count;
    }
  }
  for (int step = 1; step < size_ && rank_ < reduction.active_ranks(); ++step) {
    const int owner = (rank_ + step) % size_;
    if (!needs_message(owner)) continue;
    check_mpi(MPI_Isend(reduction.full + owner * reduction.part + begin, static_cast<int>(count),
                        MPI_FLOAT, owner, kReduceTag, comm_, &requests.emplace_back()),
              "MPI_Isend (gradient)");
  }
  check_mpi(MPI_Waitall(static_cast<int>(requests.size()), requests.data(), MPI_STATUSES_IGNORE),
            "MPI_Waitall (gradient)");
  add_in_order(accumulator, parts, count);
  if (reduction.staged) node_staging_->end_turn();
}

}  // namespace temper
