// What of a run can be found wrong before any rank starts: its device, model, adapter, datasets,
// mesh and memory. Every command that starts or submits a run asks here.
#pragma once

#include <optional>

#include "common/memory_info.h"
#include "config/run_config.h"
#include "launcher/plan/run_plan.h"

namespace temper {

// The ranks that a run is to have.
struct RankCounts {
  int num_ranks = 1;
  int ranks_per_node = 1;  // on the node that has most of them
};

// The run worked out, with what an adapter that it goes on with decides filled in. `memory` is what
// a node has; nothing where that is not known. UserError for what does not fit together, and for a
// run that a node has too little memory for.
RunPlan check_run(const RunConfig& config, const RankCounts& ranks,
                  const std::optional<HostMemory>& memory);

// What slurm.mem asks for of each node; nothing where it asks for nothing, or for all that a node
// has (0). Slurm counts in MiB.
std::optional<HostMemory> requested_memory(const SlurmConfig& slurm);

// Of an evaluation: each rank holds the whole of the model in `directory`, in fp32. UserError when
// a node has too little memory. A model that is not there, or is none of ours, is left to the
// ranks.
void check_evaluation_memory(const std::filesystem::path& directory, const RankCounts& ranks,
                             const HostMemory& memory);

}  // namespace temper
