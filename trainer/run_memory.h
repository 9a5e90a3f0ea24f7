// A run's memory as it is planned before a weight is read, and as it turns out.
#pragma once

#include <cstdint>
#include <vector>

#include "arch/memory_plan.h"
#include "comm/process_group.h"
#include "common/host_memory.h"
#include "trainer/run_setup.h"

namespace temper {

// The ranks of the fullest node. Collective.
int count_ranks_per_node(ProcessGroup& group);

// UserError when the run does not fit into `available`, this node's memory; one that computes on a
// GPU is not judged by it (`on_cpu` false). No communication.
MemoryPlan plan_run_memory(const RunSetup& setup, int num_ranks, int ranks_per_node,
                           const HostMemory& available, bool on_cpu);

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
