#include "config/reference/run_reference.h"

#include <fmt/format.h>

#include "config/config_keys.h"
#include "config/dataset_keys.h"
#include "config/foreign_keys.h"

namespace temper {
namespace {

constexpr const char* kOpening = R"(# run.yaml

Every key of a run's configuration. `temper schema --markdown` writes this page from the table that also reads the file, so it says what this version does. `temper init` writes a commented example.

- Only `base_model`, `datasets` and `output_dir` are required. A key with nothing behind it is not given.
- Paths are relative to the file; `~/` is your home. Nothing is downloaded.
- Switches are `true` or `false`; `yes`, `no`, `on` and `off` are read, too.
- Names of other trainers that are listed as *also* mean the same. A key that is not known (the nearest name is said), given twice or out of its range ends the command with exit code 2 and names file and line.
- `--set key=value` on the command line takes the place of what the file says: `--set slurm.time=8:00:00`, `--set datasets.0.weight=2`.
- `temper train run.yaml --dry-run` prints the whole configuration with its defaults, and starts nothing.

## In an editor

Editors with the YAML language server (VS Code with the YAML extension, Neovim, Emacs, Helix, JetBrains) complete keys, show their meaning and mark mistakes when the file's first line names a schema:

```yaml
# yaml-language-server: $schema=run.schema.json
```

`temper init` writes that line, and the schema beside the file. For a `run.yaml` that is there already: `temper schema > run.schema.json`, and add the line. The schema is of draft 7, lies on your disk and refers to nothing elsewhere; write it again after an update of temper. It asks for plain spellings: `true` and not `yes`, numbers without quotes.
)";

std::string type_words(const KeyFacts& key) {
  switch (key.type) {
    case ValueType::kInteger:
      return "whole number";
    case ValueType::kNumber:
      return "number";
    case ValueType::kBoolean:
      return "true or false";
    case ValueType::kDuration:
      return "whole seconds, or H:MM:SS";
    case ValueType::kChoice: {
      std::string words;
      for (const std::string& choice : key.choices) {
        if (!choice.empty()) words += (words.empty() ? "`" : ", `") + choice + "`";
      }
      return "one of " + words;
    }
    case ValueType::kPath:
      return "path";
    case ValueType::kText:
      return "text of one line";
    case ValueType::kWord:
      return "text of letters, digits and `_-.,:/+=@%[]()*&|`";
    case ValueType::kTexts:
      return "list of texts, or one text with commas";
    case ValueType::kWords:
      return "list of texts, or one text";
    case ValueType::kOptions:
      return "list of options that begin with `-`, or one";
    case ValueType::kAssignments:
      return "group `{NAME: VALUE}`, or list of `NAME=VALUE`";
    case ValueType::kDatasets:
      return "path, or list of paths and of groups [`{path, weight, share}`](#entries-of-datasets)";
    case ValueType::kSweep:
      return "group `{KEY: [VALUE, ...]}`";
  }
  return "";
}

// "*Type:* whole number, 1 to 65536. *Default:* `16`. ..."
std::string facts_line(const KeyFacts& key, const std::string& default_words) {
  std::string line = "*Type:* " + type_words(key);
  const std::string range = key.range.described();
  if (!range.empty()) line += ", " + range;
  if (key.needs_item) line += ", with at least one item";
  if (!key.unit.empty() && key.type != ValueType::kDuration) line += " (" + key.unit + ")";
  line += ". *Default:* " + default_words + ".";
  if (!key.aliases.empty()) {
    line += " *Also:* ";
    for (const std::string& alias : key.aliases) {
      line += (alias == key.aliases.front() ? "`" : ", `") + alias + "`";
    }
    line += ".";
  }
  return line + " *Since:* " + key.since + ".\n";
}

std::string default_words(const ConfigKey& key) {
  if (key.is_required) return "none, it is required";
  if (!key.default_note.empty()) return key.default_note;
  const std::string value = key.write(RunConfig());
  return value == "\"\"" ? "empty" : "`" + value + "`";
}

std::string dataset_entries() {
  std::string text =
      "\n### Entries of datasets\n\n"
      "An entry of `datasets`, `test_datasets` or `general_datasets` is a path, or a group of "
      "these keys:\n\n";
  for (const DatasetKey& key : dataset_keys()) {
    const std::string otherwise = key.is_required ? "none, it is required" : key.default_note;
    text += fmt::format("- `{}`: {} {}", key.name, key.meaning, facts_line(key, otherwise));
  }
  return text;
}

std::string foreign() {
  std::string text =
      "\n## Keys of other trainers\n\nThese have no counterpart; a file that has one is refused "
      "with this advice.\n\n| key | advice |\n|---|---|\n";
  for (const auto& [name, advice] : foreign_keys()) {
    text += fmt::format("| `{}` | {} |\n", name, advice);
  }
  return text;
}

}  // namespace

std::string run_reference() {
  std::string text = kOpening;
  std::string section;
  for (const ConfigKey& key : config_keys()) {
    if (key.section != section) {
      if (section.starts_with("Data")) text += dataset_entries();
      section = key.section;
      text += "\n## " + section + "\n";
    }
    text += fmt::format("\n### {}\n\n{}\n\n{}", key.name, key.meaning,
                        facts_line(key, default_words(key)));
  }
  return text + foreign();
}

}  // namespace temper
