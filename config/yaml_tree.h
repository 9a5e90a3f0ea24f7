// A YAML document as a small tree of our own that remembers where each value stands, read with
// limits: a configuration is hostile until checked.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace temper {

inline constexpr size_t kMaxYamlBytes = size_t{1} << 20;
inline constexpr int kMaxYamlDepth = 32;
inline constexpr size_t kMaxYamlNodes = 20000;  // aliases count as what they stand for

struct YamlEntry;

struct YamlNode {
  enum class Kind { kNull, kScalar, kSequence, kMap };

  Kind kind = Kind::kNull;
  std::string place;               // "run.yaml:7", or what an override was called
  std::string text;                // of a scalar
  std::vector<YamlNode> items;     // of a sequence
  std::vector<YamlEntry> entries;  // of a map, in the order of the file

  bool is_null() const { return kind == Kind::kNull; }
  const YamlEntry* find(std::string_view key) const;
  // For messages: "3", "a list", "a group of keys", "nothing". Long scalars are cut.
  std::string described() const;
};

struct YamlEntry {
  std::string key;
  std::string place;
  YamlNode value;
};

// Parses one document. An empty one is kNull. Places read "NAME:line"; with `numbered` false they
// are NAME alone. UserError naming the place: a syntax error, more than one document, a key that is
// given twice or is no plain text, too deep, too large.
YamlNode parse_yaml(std::string_view text, const std::string& name, bool numbered = true);

// Parses a file whose document is a map; an empty one is a map without entries. UserError also for
// a file that is not there or cannot be read.
YamlNode read_yaml_map(const std::filesystem::path& path);

}  // namespace temper
