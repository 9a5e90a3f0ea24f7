// A run's setup as all its ranks find it together: one opens the datasets, each reads its share of
// the base for its hash.
#pragma once

#include "comm/process_group.h"
#include "config/run_config.h"
#include "trainer/run_setup.h"

namespace temper {

// prepare_run with the identity completed. What any rank finds wrong is an AgreedError;
// a model that does not fit into the host's memory is, where it computes there. Collective.
RunSetup prepare_run_together(const RunConfig& config, bool on_cpu, ProcessGroup& group);

}  // namespace temper
