// What of a run's device can be found wrong before any rank starts, on a node without GPUs.
#pragma once

#include "config/run_config.h"

namespace temper {

// UserError for device: cuda or bf16 in a build without CUDA. Whether a GPU is there the ranks
// find.
void check_device(const RunConfig& config);

// Whether the ranks may compute on GPUs: then the host's memory is not what the run must fit into.
bool may_use_gpus(const RunConfig& config);

}  // namespace temper
