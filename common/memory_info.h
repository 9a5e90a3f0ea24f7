// What this process holds in memory, and how much it and its siblings may still take on this
// machine.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace temper {

struct ProcessMemory {
  int64_t rss_bytes = 0;       // resident, shared pages counted fully
  int64_t pss_bytes = 0;       // resident, shared pages divided among their users
  int64_t peak_rss_bytes = 0;  // highest rss_bytes so far
};

// Reads /proc/self; fields the system does not report are 0.
ProcessMemory read_process_memory();

// Reads peak_rss_bytes alone: in microseconds, where the rest takes milliseconds for every GiB.
int64_t read_peak_rss();

struct HostMemory {
  int64_t bytes = 0;  // 0: nobody says
  std::string
      source;  // what limits it: "MemAvailable", "cgroup limit of ...", "SLURM_MEM_PER_NODE"
};

// The least of the kernel's MemAvailable with free swap, what the limits of the process's control
// groups (version 1 or 2) leave, and Slurm's allocation of this node.
// `root`: where /proc and /sys are.
HostMemory available_memory(const std::filesystem::path& root = "/");

}  // namespace temper
