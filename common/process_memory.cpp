#include "common/process_memory.h"

#include <fstream>
#include <sstream>
#include <string>
#include <string_view>

namespace temper {
namespace {

// The value in bytes of a "Name:   123 kB" line, or 0.
int64_t kilobyte_field(const char* path, std::string_view name) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (line.compare(0, name.size(), name) == 0) {
      std::istringstream fields(line.substr(name.size()));
      int64_t kilobytes = 0;
      fields >> kilobytes;
      return kilobytes * 1024;
    }
  }
  return 0;
}

}  // namespace

ProcessMemory read_process_memory() {
  ProcessMemory memory;
  memory.rss_bytes = kilobyte_field("/proc/self/smaps_rollup", "Rss:");
  memory.pss_bytes = kilobyte_field("/proc/self/smaps_rollup", "Pss:");
  memory.peak_rss_bytes = read_peak_rss();
  return memory;
}

int64_t read_peak_rss() {
  return kilobyte_field("/proc/self/status", "VmHWM:");
}

}  // namespace temper
