#include "config/reference/example_config.h"

#include <fmt/format.h>

#include <sstream>

#include "config/config_keys.h"

namespace temper {
namespace {

constexpr size_t kWidth = 96;
const std::string kSlurm = "slurm.";

// The text as comment lines of at most kWidth columns.
std::string as_comment(const std::string& text) {
  std::istringstream words(text);
  std::string comment;
  std::string line = "#";
  for (std::string word; words >> word;) {
    if (line.size() + 1 + word.size() > kWidth) {
      comment += line + "\n";
      line = std::string(1, '#');
    }
    line += " " + word;
  }
  return comment + line + "\n";
}

std::string entry(const ConfigKey& key, const RunConfig& defaults) {
  if (!key.example.empty()) {
    return key.name + (key.example.front() == '\n' ? ":" : ": ") + key.example + "\n";
  }
  const std::string value = key.write(defaults);
  const std::string shown = value.empty() ? "1" : value;
  if (key.name.starts_with(kSlurm)) {
    return "#  " + key.name.substr(kSlurm.size()) + ": " + shown + "\n";
  }
  return "#" + key.name + ": " + shown + "\n";
}

}  // namespace

std::string example_run_yaml() {
  const RunConfig defaults;
  std::string text = fmt::format("# yaml-language-server: $schema={}\n", kSchemaFileName);
  text +=
      "# A run of temper. Lines like \"#key: value\" show a default: remove the # to change it.\n"
      "# Paths are relative to this file.\n";
  std::string section;
  for (const ConfigKey& key : config_keys()) {
    if (key.section != section) {
      section = key.section;
      text += "\n# --- " + section + "\n";
      if (key.name.starts_with(kSlurm)) text += "#slurm:\n";
    }
    text += as_comment(key.meaning) + entry(key, defaults);
  }
  return text;
}

}  // namespace temper
