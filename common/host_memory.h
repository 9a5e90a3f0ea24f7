// How much memory this process and its siblings may still take on this machine.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace temper {

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
