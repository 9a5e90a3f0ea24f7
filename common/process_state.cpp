#include "common/process_state.h"

#include <fmt/format.h>

#include <fstream>
#include <string>

namespace temper {

char process_state(pid_t pid) {
  std::ifstream stat(fmt::format("/proc/{}/stat", pid));
  std::string text;
  std::getline(stat, text);
  const size_t name_end = text.rfind(')');  // the name may hold one, too
  return name_end == text.npos || name_end + 2 >= text.size() ? '\0' : text[name_end + 2];
}

}  // namespace temper
