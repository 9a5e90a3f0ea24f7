// What this process holds in memory, as the kernel counts it.
#pragma once

#include <cstdint>

namespace temper {

struct ProcessMemory {
  int64_t rss_bytes = 0;       // resident, shared pages counted fully
  int64_t pss_bytes = 0;       // resident, shared pages divided among their users
  int64_t peak_rss_bytes = 0;  // highest rss_bytes so far
};

// Reads /proc/self; fields the system does not report are 0.
ProcessMemory read_process_memory();

// peak_rss_bytes alone: microseconds, where the rest takes milliseconds for every GiB.
int64_t read_peak_rss();

}  // namespace temper
