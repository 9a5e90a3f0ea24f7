#include "trainer/startup/run_memory.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "arch/memory_fit.h"
#include "common/memory_info.h"

namespace temper {

int count_ranks_per_node(ProcessGroup& group) {
  at::Tensor size = at::tensor({static_cast<int64_t>(group.node_size())}, at::kLong);
  group.all_reduce_max(size);
  return static_cast<int>(size.item<int64_t>());
}

MemoryPlan plan_run_memory(const RunSetup& setup, int num_ranks, int ranks_per_node,
                           const HostMemory& available, int64_t gpu_bytes) {
  PlannedRun run{setup.model, setup.lora ? &*setup.lora : nullptr, setup.config, {}};
  run.size = {setup.data->sequence_len(), 0, setup.max_steps, num_ranks, ranks_per_node};
  for (const HeldOutSet& set : setup.held_out) {
    run.size.evaluated_row_tokens =
        std::max(run.size.evaluated_row_tokens, set.dataset.info().sequence_len);
  }
  MemoryPlan plan = plan_memory(run.model, run.lora, run.config, run.size);
  if (gpu_bytes == 0) {
    require_memory(run, plan, available, plan.node_parts(0).program);
  } else {
    require_gpu_memory(run, plan_gpu_memory(run.model, run.lora, run.config, run.size), gpu_bytes);
  }
  return plan;
}

void PeakMemory::sample() {
  const int64_t peak_rss = read_peak_rss();
  if (peak_rss != 0 && peak_rss <= seen_peak_rss_) return;
  const ProcessMemory memory = read_process_memory();
  seen_peak_rss_ = memory.peak_rss_bytes;
  // Some pages were resident at the high-water mark and are not now. All of them may have been this
  // process's own: that is the most it can have held.
  const int64_t gone = std::max<int64_t>(0, memory.peak_rss_bytes - memory.rss_bytes);
  bytes_ = std::max(bytes_, memory.pss_bytes + gone);
}

}  // namespace temper
