// Plans a run's memory before a weight is read, and measures it afterwards.
#pragma once

#include <cstdint>
#include <vector>

#include "arch/memory_plan.h"
#include "comm/process_group.h"
#include "common/memory_info.h"
#include "trainer/startup/run_setup.h"

namespace temper {

// Counts the ranks of the fullest node. Collective.
int count_ranks_per_node(ProcessGroup& group);

// UserError when the run does not fit into `available`, this node's memory, or, where it computes
// on a GPU of `gpu_bytes` (0: on the CPU), into that. No communication.
MemoryPlan plan_run_memory(const RunSetup& setup, int num_ranks, int ranks_per_node,
                           const HostMemory& available, int64_t gpu_bytes);

// The most that this process has held so far, in the kernel's PSS: memory that several processes
// share counts in equal parts.
class PeakMemory {
 public:
  // Looks again. Cheap while the high-water mark stands.
  void sample();
  int64_t bytes() const { return bytes_; }

 private:
  int64_t bytes_ = 0;
  int64_t seen_peak_rss_ = 0;
};

}  // namespace temper
