// A run's setup as all its ranks find it together: one opens the datasets, each reads its share of
// the base for its hash.
#pragma once

#include <cstdint>

#include "comm/process_group.h"
#include "config/run_config.h"
#include "trainer/startup/run_setup.h"

namespace temper {

// prepare_run with the identity completed. What any rank finds wrong is an AgreedError; so is a run
// that does not fit into the host's memory or, with a GPU of `gpu_bytes` (0: on the CPU), into
// that. Collective.
RunSetup prepare_run_together(const RunConfig& config, int64_t gpu_bytes, ProcessGroup& group);

}  // namespace temper
