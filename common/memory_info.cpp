#include "common/memory_info.h"

#include <fmt/format.h>

#include <charconv>
#include <cstdlib>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>
#include <string_view>

namespace temper {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kKiB = 1024, kMiB = kKiB * 1024;
// Version 1 says a number near 2^63 for a group that nothing limits.
constexpr int64_t kNoLimit = int64_t{1} << 60;

std::optional<int64_t> number(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end == text.data() || value < 0) return std::nullopt;
  return value;
}

std::optional<int64_t> number_in_file(const fs::path& path) {
  std::ifstream file(path);
  std::string text;
  if (!std::getline(file, text)) return std::nullopt;
  return number(text);
}

// "Name:  123 kB" or "name 123" lines.
std::map<std::string, int64_t> fields_of(const fs::path& path) {
  std::map<std::string, int64_t> fields;
  std::ifstream file(path);
  std::string name;
  int64_t value = 0;
  while (file >> name >> value) {
    if (name.ends_with(':')) name.pop_back();
    fields[name] = value;
    file.ignore(256, '\n');
  }
  return fields;
}

void lower(HostMemory& memory, int64_t bytes, const std::string& source) {
  if (memory.bytes == 0 || bytes < memory.bytes) memory = {std::max<int64_t>(bytes, 1), source};
}

void apply_kernel(const fs::path& root, HostMemory& memory) {
  const auto fields = fields_of(root / "proc/meminfo");
  const auto available = fields.find("MemAvailable");
  if (available == fields.end()) return;
  const auto swap = fields.find("SwapFree");
  const int64_t free_swap = swap == fields.end() ? 0 : swap->second;
  lower(memory, (available->second + free_swap) * kKiB, "MemAvailable");
}

// One group: its limit less what is used and cannot be given back.
void apply_group(const fs::path& group, bool is_v2, HostMemory& memory) {
  const auto limit = number_in_file(group / (is_v2 ? "memory.max" : "memory.limit_in_bytes"));
  if (!limit || *limit >= kNoLimit) return;
  const int64_t used =
      number_in_file(group / (is_v2 ? "memory.current" : "memory.usage_in_bytes")).value_or(0);
  auto stat = fields_of(group / "memory.stat");
  const std::string prefix = is_v2 ? "" : "total_";
  const int64_t cache = stat[prefix + "inactive_file"] + stat[prefix + "active_file"];
  lower(memory, *limit - std::max<int64_t>(0, used - cache),
        fmt::format("the control group's limit of {} MiB", *limit / kMiB));
}

// The process's group and all above it.
void apply_groups(const fs::path& base, const std::string& path, bool is_v2, HostMemory& memory) {
  fs::path group = base / fs::path(path).relative_path();
  for (; group != base && group.has_relative_path(); group = group.parent_path()) {
    apply_group(group, is_v2, memory);
  }
  apply_group(base, is_v2, memory);
}

void apply_cgroups(const fs::path& root, HostMemory& memory) {
  std::ifstream file(root / "proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    // "ID:CONTROLLERS:PATH"; version 2 has neither number nor controllers.
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    const std::string path = line.substr(second + 1);
    if (controllers == ",,") {
      apply_groups(root / "sys/fs/cgroup", path, true, memory);
      apply_groups(root / "sys/fs/cgroup/unified", path, true, memory);
    } else if (controllers.find(",memory,") != std::string::npos) {
      apply_groups(root / "sys/fs/cgroup/memory", path, false, memory);
    }
  }
}

// Slurm counts in MiB; 0 stands for all of the node.
void apply_slurm(HostMemory& memory) {
  const auto variable = [](const char* name) {
    const char* text = std::getenv(name);
    return text == nullptr ? std::nullopt : number(text);
  };
  if (const auto node = variable("SLURM_MEM_PER_NODE"); node && *node > 0) {
    lower(memory, *node * kMiB, "SLURM_MEM_PER_NODE");
  }
  const auto per_cpu = variable("SLURM_MEM_PER_CPU"), cpus = variable("SLURM_CPUS_ON_NODE");
  if (per_cpu && cpus && *per_cpu > 0 && *cpus > 0) {
    lower(memory, *per_cpu * *cpus * kMiB, "SLURM_MEM_PER_CPU x SLURM_CPUS_ON_NODE");
  }
}

// The value in bytes of a "Name:   123 kB" line, where the line has this name.
std::optional<int64_t> kilobyte_field(const std::string& line, std::string_view name) {
  if (line.compare(0, name.size(), name) != 0) return std::nullopt;
  std::istringstream fields(line.substr(name.size()));
  int64_t kilobytes = 0;
  fields >> kilobytes;
  return kilobytes * 1024;
}

}  // namespace

ProcessMemory read_process_memory() {
  ProcessMemory memory;
  // Read once, because the kernel walks all pages for it.
  std::ifstream file("/proc/self/smaps_rollup");
  for (std::string line; std::getline(file, line);) {
    memory.rss_bytes = kilobyte_field(line, "Rss:").value_or(memory.rss_bytes);
    memory.pss_bytes = kilobyte_field(line, "Pss:").value_or(memory.pss_bytes);
  }
  memory.peak_rss_bytes = read_peak_rss();
  return memory;
}

int64_t read_peak_rss() {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);) {
    if (const auto bytes = kilobyte_field(line, "VmHWM:")) return *bytes;
  }
  return 0;
}

HostMemory available_memory(const fs::path& root) {
  HostMemory memory;
  apply_kernel(root, memory);
  apply_cgroups(root, memory);
  apply_slurm(memory);
  return memory;
}

}  // namespace temper
