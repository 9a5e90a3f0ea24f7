// Held-out loss of a sharded model as (sum, count): the same bits on any number of ranks.
#pragma once

#include <cstdint>

#include "comm/process_group.h"
#include "data/packed_dataset.h"
#include "sharding/sharded_model.h"

namespace temper {

struct LossSum {
  double sum = 0.0;
  int64_t count = 0;
  double mean() const { return count > 0 ? sum / static_cast<double>(count) : 0.0; }
};

// Over all rows of the dataset, `micro_batch_size` at a time in file order; micro-batch m is
// computed by rank m mod size, and the losses are added in micro-batch order. Collective.
LossSum evaluate_held_out(ShardedModel& model, ProcessGroup& group, const PackedDataset& dataset,
                          int64_t micro_batch_size);

// values[m] of all ranks in micro-batch order, from each rank's own (its r-th value belongs to
// micro-batch r x size + rank). Collective.
std::vector<double> gather_by_micro_batch(ProcessGroup& group, const std::vector<double>& mine,
                                          int64_t num_micro_batches);

}  // namespace temper
