#include "run/checkpoint/checkpoint_name.h"

#include <fmt/format.h>

#include <charconv>

namespace temper {
namespace {

constexpr std::string_view kPrefix = "step-";

}  // namespace

std::string checkpoint_name(int64_t step) {
  return fmt::format("{}{}", kPrefix, step);
}

std::optional<int64_t> checkpoint_step(std::string_view name) {
  if (name.substr(0, kPrefix.size()) != kPrefix) return std::nullopt;
  const std::string_view digits = name.substr(kPrefix.size());
  int64_t step = 0;
  const char* end = digits.data() + digits.size();
  const auto [parsed_to, error] = std::from_chars(digits.data(), end, step);
  // Comparing with the name it would have rules out "step-007", "step--1" and "step-1x".
  if (error != std::errc() || parsed_to != end || step < 0 || checkpoint_name(step) != name) {
    return std::nullopt;
  }
  return step;
}

std::string suffixed_checkpoint_name(int64_t step, std::string_view attempt,
                                     std::string_view suffix) {
  return fmt::format("{}.{}.{}", checkpoint_name(step), attempt, suffix);
}

std::optional<SuffixedName> parse_suffixed_name(std::string_view name) {
  const size_t first_dot = name.find('.'), last_dot = name.rfind('.');
  if (first_dot == name.npos) return std::nullopt;
  const std::optional<int64_t> step = checkpoint_step(name.substr(0, first_dot));
  const std::string_view suffix = name.substr(last_dot + 1);
  if (!step || (suffix != kPartialSuffix && suffix != kDeletingSuffix && suffix != kAsideSuffix)) {
    return std::nullopt;
  }
  SuffixedName taken_apart{*step, "", std::string(suffix)};
  if (last_dot > first_dot) {
    taken_apart.attempt = name.substr(first_dot + 1, last_dot - first_dot - 1);
  }
  return taken_apart;
}

}  // namespace temper
