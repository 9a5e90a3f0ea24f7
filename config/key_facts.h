// What a key of run.yaml takes, as plain facts: reading checks them, and the reference page, the
// schema for editors and the example file show them.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace temper {

enum class ValueType {
  kInteger,
  kNumber,
  kBoolean,
  kDuration,     // seconds, or H:MM:SS
  kChoice,       // one of `choices`
  kPath,         // relative to the file; "~/" is the user's home
  kText,         // one line
  kWord,         // a text that a batch script takes as it is
  kTexts,        // a list of texts, or one text with commas
  kWords,        // a list of words, or one word
  kOptions,      // a list of options, each beginning with "-", or one option
  kAssignments,  // {NAME: VALUE}, or a list of "NAME=VALUE"
  kDatasets,     // a path, or a list of paths and groups {path, weight, share}
  kSweep,        // {KEY: [VALUE, ...]}
};

// Counts end here, so that sums and products of them fit into 64 bits.
inline constexpr double kMaxCount = 1099511627776.0;  // 2^40

// Bounds of a number. Each that is set holds.
struct ValueRange {
  std::optional<double> at_least;
  std::optional<double> above;
  std::optional<double> at_most;
  std::optional<double> below;
  bool or_zero = false;  // 0 is allowed, too, wherever the bounds lie

  bool is_set() const { return at_least || above || at_most || below; }
  // What a number must be instead ("at least 1"); empty when it is within.
  std::string violated_by(double number) const;
  // For people: "1 to 4096", "0 or more", "above 0 and below 1"; empty without bounds.
  std::string described() const;
};

struct KeyFacts {
  std::string name;     // "lora_r", "slurm.time"
  std::string meaning;  // full sentences
  ValueType type = ValueType::kText;
  ValueRange range;
  std::vector<std::string> choices;  // of kChoice; the first of those with equal results is written
  std::string unit;                  // "rows"; empty: none
  std::string since = "0.1.0";       // the version that brought it
  std::vector<std::string> aliases;  // what other trainers call it
  // A default that follows from other keys, in words; empty: the default is a value.
  std::string default_note;
  bool is_required = false;
  bool needs_item = false;  // of a list: an empty one is refused
};

}  // namespace temper
