#include "common/host.h"

#include <unistd.h>

#include <array>
#include <cstdlib>

namespace temper {

std::string host_name() {
  if (const char* node = std::getenv("SLURMD_NODENAME")) return node;
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "unknown";
}

}  // namespace temper
