#include "common/error.h"

#include <system_error>

namespace temper {

void throw_internal_error(const char* file, int line, const char* condition,
                          const std::string& message) {
  throw InternalError(
      fmt::format("internal error at {}:{}: `{}` does not hold{}{} (a bug in temper)", file, line,
                  condition, message.empty() ? "" : ": ", message));
}

std::string errno_text(int error_number) {
  return std::generic_category().message(error_number);
}

}  // namespace temper
