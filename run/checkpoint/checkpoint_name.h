// Names in a run directory: "step-120" is a checkpoint, "step-120.ATTEMPT.partial" one being
// written, "step-120.ATTEMPT.deleting" one being removed, "step-120.ATTEMPT.aside" one that stood
// in the way of a new one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace temper {

inline constexpr const char* kCommitRecordName = "commit.json";

std::string checkpoint_name(int64_t step);
// The step of a name that is exactly what checkpoint_name gives, or nothing.
std::optional<int64_t> checkpoint_step(std::string_view name);

inline constexpr std::string_view kPartialSuffix = "partial";
inline constexpr std::string_view kDeletingSuffix = "deleting";
inline constexpr std::string_view kAsideSuffix = "aside";

// "step-120.ATTEMPT.partial"
std::string suffixed_checkpoint_name(int64_t step, std::string_view attempt,
                                     std::string_view suffix);

// A name with one of these suffixes, taken apart.
struct SuffixedName {
  int64_t step = 0;
  std::string attempt;
  std::string suffix;
};
std::optional<SuffixedName> parse_suffixed_name(std::string_view name);

}  // namespace temper
