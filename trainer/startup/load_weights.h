// Loads the weights that a run starts from into its sharded model.
#pragma once

#include "comm/process_group.h"
#include "sharding/sharded_model.h"
#include "trainer/startup/run_setup.h"

namespace temper {

// Loads the base, and a fresh adapter or the earlier one. Numbers that are not finite are a warning
// that names their tensors, once for all ranks. Collective.
void load_weights(const RunSetup& setup, ShardedModel& model, ProcessGroup& group);

}  // namespace temper
