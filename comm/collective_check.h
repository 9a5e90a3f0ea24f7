// Whether a group's collectives give the right values here, and how fast: what a preflight runs
// before anything large is loaded, in a second.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "comm/process_group.h"

namespace temper {

struct CollectiveCheck {
  int64_t num_bytes = 0;           // of the tensor on each rank
  std::vector<std::string> wrong;  // operations whose values were wrong on this rank
  double all_reduce_bytes_per_second = 0.0;
  double all_gather_bytes_per_second = 0.0;  // received by this rank
};

// Broadcast, sum, maximum, gather and reduce-scatter of tensors of each size, compared with what
// they must be. Collective.
std::vector<CollectiveCheck> check_collectives(ProcessGroup& group,
                                               const std::vector<int64_t>& sizes_in_bytes);

// Bytes per second from the rank before this one (the last, for rank 0), with only that pair
// talking; 0 in a group of one. Collective.
double measure_link(ProcessGroup& group, int64_t num_bytes);

}  // namespace temper
