#include "config/config_values.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <string_view>

#include "common/error.h"

namespace temper {
namespace {

constexpr std::array kTrueWords = {"true", "True", "TRUE", "yes", "Yes", "on", "On"};
constexpr std::array kFalseWords = {"false", "False", "FALSE", "no", "No", "off", "Off"};

// The whole text as a number, or false.
template <typename Number>
bool parse_number(std::string_view text, Number& number) {
  if (text.size() > 1 && text.front() == '+') text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

std::filesystem::path home_directory(const ConfigValue& value) {
  const char* home = std::getenv("HOME");
  if (home == nullptr || *home == '\0') value.refuse("a path without \"~\", as HOME is not set");
  return home;
}

// A batch script quotes these, but a second line is not what anybody means.
void require_printable(const ConfigValue& value, const std::string& text) {
  const auto control = [](unsigned char c) { return c < 0x20 || c == 0x7f; };
  if (std::any_of(text.begin(), text.end(), control)) {
    value.refuse_as("has a line break or control character, which a batch script cannot take");
  }
}

// What could break out of its line in a batch script is no part of a word.
void require_word(const ConfigValue& value, const std::string& word) {
  static constexpr std::string_view kCharacters = "_-.,:/+=@%[]()*&|";
  const auto allowed = [](unsigned char c) {
    return std::isalnum(c) != 0 || kCharacters.find(static_cast<char>(c)) != kCharacters.npos;
  };
  const auto bad = std::find_if_not(word.begin(), word.end(), allowed);
  if (bad == word.end()) return;
  const auto code = static_cast<unsigned char>(*bad);
  value.refuse_as(fmt::format(
      "has the character {}, which a batch script cannot take",
      std::isprint(code) != 0 ? fmt::format("'{}'", *bad) : fmt::format("of code {}", code)));
}

void require_assignment(const ConfigValue& value, const std::string& assignment) {
  const size_t equals = assignment.find('=');
  const std::string name = assignment.substr(0, equals);
  const auto allowed = [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; };
  if (equals == assignment.npos || name.empty() || std::isdigit(name[0]) != 0 ||
      !std::all_of(name.begin(), name.end(), allowed)) {
    value.refuse_as(fmt::format("has \"{}\"; expected NAME=VALUE", name.substr(0, 64)));
  }
  require_printable(value, assignment);
}

bool is_plain(const std::string& text) {
  const auto plain = [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '.' || c == '/' || c == '-' || c == '+';
  };
  return !text.empty() && text != "null" && text != "Null" && text != "NULL" &&
         text.front() != '-' && text.front() != '.' && std::all_of(text.begin(), text.end(), plain);
}

}  // namespace

void ConfigValue::refuse(const std::string& expected) const {
  refuse_as(fmt::format("is {}; expected {}", node.described(), expected));
}

void ConfigValue::refuse_as(const std::string& fault) const {
  throw UserError("{}: {} {}", node.place, key, fault);
}

void check_facts(const KeyFacts& facts, const ConfigValue& value) {
  if (facts.needs_item && read_texts(value).empty()) value.refuse("one item at least");
  if (facts.type != ValueType::kInteger && facts.type != ValueType::kNumber) return;
  const std::string bound = facts.range.violated_by(read_number(value));
  if (!bound.empty()) {
    value.refuse_as(fmt::format("is {}; it must be {}", value.node.text, bound));
  }
}

int64_t read_integer(const ConfigValue& value) {
  int64_t number = 0;
  if (!parse_number(value.node.text, number)) value.refuse("a whole number");
  return number;
}

int64_t read_duration(const ConfigValue& value) {
  constexpr const char* kExpected = "seconds or H:MM:SS, e.g. 5400 or 1:30:00";
  constexpr int64_t kMaxPart = 100'000'000;
  std::array<int64_t, 3> parts = {};  // hours, minutes, seconds
  const std::string& text = value.node.text;
  const auto colons = std::count(text.begin(), text.end(), ':');
  if (colons != 0 && colons != 2) value.refuse(kExpected);
  size_t begin = 0;
  for (size_t i = colons == 0 ? 2 : 0; i < parts.size(); ++i) {
    const size_t end = std::min(text.find(':', begin), text.size());
    const std::string_view part = std::string_view(text).substr(begin, end - begin);
    const bool is_first = begin == 0;
    if (!parse_number(part, parts[i]) || parts[i] < 0 || parts[i] > kMaxPart ||
        (!is_first && (part.size() != 2 || parts[i] >= 60))) {
      value.refuse(kExpected);
    }
    begin = end + 1;
  }
  return parts[0] * 3600 + parts[1] * 60 + parts[2];
}

uint64_t read_unsigned(const ConfigValue& value) {
  uint64_t number = 0;
  if (!parse_number(value.node.text, number)) value.refuse("a whole number, 0 or more");
  return number;
}

double read_number(const ConfigValue& value) {
  double number = 0.0;
  if (!parse_number(value.node.text, number) || !std::isfinite(number)) value.refuse("a number");
  return number;
}

bool read_boolean(const ConfigValue& value) {
  const auto is_word = [&](const char* word) { return value.node.text == word; };
  if (std::any_of(kTrueWords.begin(), kTrueWords.end(), is_word)) return true;
  if (std::any_of(kFalseWords.begin(), kFalseWords.end(), is_word)) return false;
  value.refuse("true or false");
}

std::string read_text(const ConfigValue& value) {
  if (value.node.kind != YamlNode::Kind::kScalar) value.refuse("a text");
  return value.node.text;
}

std::filesystem::path read_path(const ConfigValue& value) {
  if (value.node.kind != YamlNode::Kind::kScalar || value.node.text.empty() ||
      value.node.text.find('\0') != std::string::npos) {
    value.refuse("a path");
  }
  const std::string& text = value.node.text;
  std::filesystem::path path = text;
  if (text == "~" || text.starts_with("~/")) {
    path = home_directory(value) / text.substr(std::min<size_t>(2, text.size()));
  }
  path = (value.directory / path).lexically_normal();
  // "out/" and "out" are the same directory.
  return path.has_filename() || !path.has_relative_path() ? path : path.parent_path();
}

std::filesystem::path read_optional_path(const ConfigValue& value) {
  const bool is_empty = value.node.kind == YamlNode::Kind::kScalar && value.node.text.empty();
  return is_empty ? std::filesystem::path() : read_path(value);
}

std::vector<std::string> read_texts(const ConfigValue& value) {
  std::vector<std::string> texts;
  for (const std::string& line : read_lines(value)) {
    for (size_t begin = 0; begin <= line.size();) {
      const size_t end = std::min(line.find(',', begin), line.size());
      std::string text = line.substr(begin, end - begin);
      text.erase(0, text.find_first_not_of(' '));
      text.erase(text.find_last_not_of(' ') + 1);
      if (!text.empty()) texts.push_back(text);
      begin = end + 1;
    }
  }
  return texts;
}

std::vector<std::string> read_lines(const ConfigValue& value) {
  if (value.node.kind == YamlNode::Kind::kScalar) return {value.node.text};
  if (value.node.kind != YamlNode::Kind::kSequence) value.refuse("a list of texts");
  std::vector<std::string> lines;
  for (const YamlNode& item : value.node.items) {
    lines.push_back(read_text({item, value.key, value.directory}));
  }
  return lines;
}

std::string read_printable(const ConfigValue& value) {
  std::string text = read_text(value);
  require_printable(value, text);
  return text;
}

std::string read_word(const ConfigValue& value) {
  std::string word = read_text(value);
  require_word(value, word);
  return word;
}

std::vector<std::string> read_words(const ConfigValue& value) {
  std::vector<std::string> words = read_lines(value);
  for (const std::string& word : words) require_word(value, word);
  return words;
}

std::vector<std::string> read_options(const ConfigValue& value) {
  std::vector<std::string> options = read_lines(value);
  for (const std::string& option : options) {
    if (!option.starts_with("-")) {
      value.refuse_as(fmt::format("has \"{}\"; an option of sbatch begins with \"-\"", option));
    }
    require_word(value, option);
  }
  return options;
}

std::vector<std::string> read_assignments(const ConfigValue& value) {
  std::vector<std::string> lines;
  if (value.node.kind == YamlNode::Kind::kMap) {
    for (const YamlEntry& entry : value.node.entries) {
      const std::string key = value.key + "." + entry.key;
      lines.push_back(entry.key + "=" + read_text({entry.value, key, value.directory}));
    }
  } else {
    lines = read_lines(value);
  }
  for (const std::string& line : lines) require_assignment(value, line);
  return lines;
}

std::vector<SweepKey> read_sweep(const ConfigValue& value) {
  if (value.node.kind != YamlNode::Kind::kMap) value.refuse("{KEY: [VALUE, ...]}");
  std::vector<SweepKey> sweep;
  for (const YamlEntry& entry : value.node.entries) {
    const std::string key = value.key + "." + entry.key;
    sweep.push_back({entry.key, read_lines({entry.value, key, value.directory})});
  }
  return sweep;
}

std::string yaml_text(const std::string& text) {
  if (is_plain(text)) return text;
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      quoted += {'\\', c};
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      quoted += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    } else {
      quoted += c;
    }
  }
  return quoted + "\"";
}

std::string yaml_path(const std::filesystem::path& path) {
  return yaml_text(path.string());
}

std::string yaml_texts(const std::vector<std::string>& texts) {
  std::string list;
  for (const std::string& text : texts) list += (list.empty() ? "" : ", ") + yaml_text(text);
  return "[" + list + "]";
}

std::string yaml_sweep(const std::vector<SweepKey>& sweep) {
  std::string text;
  for (const SweepKey& entry : sweep) {
    text += (text.empty() ? "" : ", ") + yaml_text(entry.key) + ": " + yaml_texts(entry.values);
  }
  return "{" + text + "}";
}

}  // namespace temper
