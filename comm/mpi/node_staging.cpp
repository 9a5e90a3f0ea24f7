#include "comm/mpi/node_staging.h"

#include <algorithm>

#include "comm/mpi/mpi_check.h"

namespace temper {
namespace {

// A rank writes 1 MiB in a turn, half of a second-level cache or more.
constexpr int64_t kTurnElements = int64_t{1} << 18;
constexpr int64_t kHalves = 2;

int rank_of(MPI_Comm comm) {
  int rank = 0;
  check_mpi(MPI_Comm_rank(comm, &rank), "MPI_Comm_rank");
  return rank;
}

int size_of(MPI_Comm comm) {
  int size = 0;
  check_mpi(MPI_Comm_size(comm, &size), "MPI_Comm_size");
  return size;
}

}  // namespace

NodeStaging::NodeStaging(MPI_Comm node_comm)
    : node_rank_(rank_of(node_comm)),
      node_size_(size_of(node_comm)),
      slot_elements_(std::max<int64_t>(1, kTurnElements / node_size_)),
      window_(node_comm, node_comm,
              kHalves * node_size_ * slot_elements_ * static_cast<int64_t>(sizeof(float))) {
  for (int r = 0; r < node_size_; ++r) segments_.push_back(window_.segment(r));
}

float* NodeStaging::slot(int writer, int reader) const {
  return segments_[writer] + (half_ * node_size_ + reader) * slot_elements_;
}

}  // namespace temper
