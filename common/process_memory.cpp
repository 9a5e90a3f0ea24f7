#include "common/process_memory.h"

#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>

namespace temper {
namespace {

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
  // Once: the kernel walks all pages for it.
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

}  // namespace temper
