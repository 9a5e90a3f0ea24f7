#include "config/key_facts.h"

#include <fmt/format.h>

namespace temper {

std::string ValueRange::violated_by(double number) const {
  if (or_zero && number == 0.0) return "";
  const std::string zero = or_zero ? "0, or " : "";
  const std::string end = below ? fmt::format(" and below {}", *below) : "";
  const bool is_too_high = below && number >= *below;
  if (at_least && (number < *at_least || is_too_high)) {
    return fmt::format("{}at least {}{}", zero, *at_least, end);
  }
  if (above && (number <= *above || is_too_high)) {
    return fmt::format("{}above {}{}", zero, *above, end);
  }
  if (at_most && number > *at_most) return fmt::format("{}at most {}", zero, *at_most);
  return "";
}

std::string ValueRange::described() const {
  if (!is_set()) return "";
  std::string words = or_zero ? "0, or " : "";
  const bool is_bounded = at_most && *at_most < kMaxCount;
  if (at_least && is_bounded) return words + fmt::format("{} to {}", *at_least, *at_most);
  if (at_least && below) return words + fmt::format("at least {} and below {}", *at_least, *below);
  if (at_least) return words + fmt::format("{} or more", *at_least);
  if (above) words += fmt::format("above {}", *above);
  if (below) words += fmt::format(" and below {}", *below);
  if (is_bounded) words += fmt::format(", at most {}", *at_most);
  return words;
}

}  // namespace temper
