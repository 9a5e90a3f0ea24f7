#include "common/cli/byte_size.h"

#include <cmath>
#include <cstdlib>
#include <string_view>

#include "common/error.h"

namespace temper {

int64_t parse_byte_size(const std::string& text, const std::string& place, int64_t unit_bytes) {
  constexpr std::string_view kLetters = "KMGT";
  constexpr double kMost = 1e18;
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  std::string_view rest(end);
  auto unit = static_cast<double>(unit_bytes);
  if (!rest.empty()) {
    const size_t power = kLetters.find(rest.front());
    unit = power == std::string_view::npos ? 0.0 : std::pow(1024.0, static_cast<double>(power + 1));
    rest.remove_prefix(1);
    if (rest == "iB" || rest == "B") rest = {};
  }
  const double bytes = value * unit;
  const bool is_digit = !text.empty() && text.front() >= '0' && text.front() <= '9';
  if (!is_digit || !rest.empty() || !(bytes >= 1.0) || bytes > kMost) {
    throw UserError("{}: \"{}\" is not a size; write 64G, 512M or a number of bytes", place, text);
  }
  return static_cast<int64_t>(bytes);
}

}  // namespace temper
