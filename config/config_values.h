// Typed values out of a YAML tree, and their text for writing. Every reader throws a UserError that
// names place, key, the value found and what was expected.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "config/key_facts.h"
#include "config/run_config.h"
#include "config/yaml_tree.h"

namespace temper {

// A value on its way into the configuration.
struct ConfigValue {
  const YamlNode& node;
  const std::string& key;                  // canonical
  const std::filesystem::path& directory;  // relative paths start here

  // "KEY is VALUE; expected ...".
  [[noreturn]] void refuse(const std::string& expected) const;
  // "KEY has ...".
  [[noreturn]] void refuse_as(const std::string& fault) const;
};

// The range of a number, and that a list which needs an item has one. The value has been read.
void check_facts(const KeyFacts& facts, const ConfigValue& value);

// What read_word takes, as a regular expression.
inline constexpr const char* kWordPattern = "^[A-Za-z0-9_.,:/+=@%\\[\\]()*&|-]*$";

int64_t read_integer(const ConfigValue& value);
uint64_t read_unsigned(const ConfigValue& value);
double read_number(const ConfigValue& value);
// Whole seconds, from "5400" or "1:30:00".
int64_t read_duration(const ConfigValue& value);
bool read_boolean(const ConfigValue& value);
std::string read_text(const ConfigValue& value);
// Absolute and normal.
std::filesystem::path read_path(const ConfigValue& value);
// An empty text is an empty path.
std::filesystem::path read_optional_path(const ConfigValue& value);
// A list, or one text with commas.
std::vector<std::string> read_texts(const ConfigValue& value);
// Items as they are, commas included.
std::vector<std::string> read_lines(const ConfigValue& value);
// One line without control characters.
std::string read_printable(const ConfigValue& value);
// The same as kWordPattern: a text of characters that a batch script takes as they are.
std::string read_word(const ConfigValue& value);
std::vector<std::string> read_words(const ConfigValue& value);
// Words that begin with "-".
std::vector<std::string> read_options(const ConfigValue& value);
// "NAME=VALUE" each, from a list of such texts or a group {NAME: VALUE}.
std::vector<std::string> read_assignments(const ConfigValue& value);
// A group of keys with a list of values each.
std::vector<SweepKey> read_sweep(const ConfigValue& value);

// One of the choices' names; the first of those with equal results is the one that is written.
template <typename Choice>
using Choices = std::vector<std::pair<const char*, Choice>>;

template <typename Choice>
Choice read_choice(const ConfigValue& value, const Choices<Choice>& choices) {
  std::string names;
  for (const auto& [name, choice] : choices) {
    if (value.node.kind == YamlNode::Kind::kScalar && value.node.text == name) return choice;
    if (*name != '\0') names += (names.empty() ? "" : ", ") + std::string(name);
  }
  value.refuse("one of " + names);
}

template <typename Choice>
std::string choice_name(Choice wanted, const Choices<Choice>& choices) {
  for (const auto& [name, choice] : choices) {
    if (choice == wanted) return name;
  }
  return "";
}

// A scalar as YAML that reads back as the same text.
std::string yaml_text(const std::string& text);
std::string yaml_path(const std::filesystem::path& path);
std::string yaml_texts(const std::vector<std::string>& texts);
std::string yaml_sweep(const std::vector<SweepKey>& sweep);

}  // namespace temper
