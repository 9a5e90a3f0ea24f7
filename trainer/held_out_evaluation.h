// Held-out loss of a sharded model: the same bits on any number of ranks.
#pragma once

#include <cstdint>

#include "comm/process_group.h"
#include "common/work_bar.h"
#include "data/dataset/packed_dataset.h"
#include "eval/held_out_loss.h"
#include "sharding/sharded_model.h"

namespace temper {

// Over all rows of the dataset, `micro_batch_size` at a time in file order; micro-batch m is
// computed by rank m mod size, and the losses are added in micro-batch order. `bar`, which may be
// null, advances by rows. Collective.
HeldOutLoss evaluate_held_out(ShardedModel& model, ProcessGroup& group,
                              const PackedDataset& dataset, int64_t micro_batch_size,
                              WorkBar* bar = nullptr);

}  // namespace temper
