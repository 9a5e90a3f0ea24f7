// Results of work that was dealt out like cards: piece m to rank m mod size.
#pragma once

#include <cstdint>
#include <vector>

#include "comm/process_group.h"

namespace temper {

// The values of pieces 0 to num_pieces - 1 in order, on every rank. `mine` holds this rank's
// values, the r-th being that of piece r x size + rank; ranks without a piece in the last round
// hold any value there. Collective: all ranks of the group call this in the same order.
std::vector<double> gather_round_robin(ProcessGroup& group, const std::vector<double>& mine,
                                       int64_t num_pieces);

}  // namespace temper
