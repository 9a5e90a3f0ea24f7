#include "common/cli/command_spec.h"

#include <utility>

namespace temper {
namespace {

OptionSpec option(OptionKind kind, std::string_view names, std::string value, std::string text) {
  OptionSpec spec;
  const size_t comma = names.find(',');
  spec.name = names.substr(0, comma);
  if (comma != names.npos) spec.letter = names.at(comma + 1);
  spec.kind = kind;
  spec.value = std::move(value);
  spec.text = std::move(text);
  return spec;
}

}  // namespace

OptionSpec OptionSpec::or_else(std::string default_value) const {
  OptionSpec spec = *this;
  spec.fallback = std::move(default_value);
  return spec;
}

OptionSpec OptionSpec::one_of(std::vector<std::string> values) const {
  OptionSpec spec = *this;
  spec.choices = std::move(values);
  return spec;
}

OptionSpec OptionSpec::for_temper_alone() const {
  OptionSpec spec = *this;
  spec.reader = OptionReader::kTemper;
  return spec;
}

OptionSpec flag(std::string_view names, std::string text) {
  return option(OptionKind::kFlag, names, "", std::move(text));
}

OptionSpec text_option(std::string_view names, std::string value, std::string text) {
  return option(OptionKind::kText, names, std::move(value), std::move(text));
}

OptionSpec texts_option(std::string_view names, std::string value, std::string text) {
  return option(OptionKind::kTexts, names, std::move(value), std::move(text));
}

OptionSpec integer_option(std::string_view names, std::string value, std::string text) {
  return option(OptionKind::kInteger, names, std::move(value), std::move(text));
}

OptionSpec integers_option(std::string_view names, std::string value, std::string text) {
  return option(OptionKind::kIntegers, names, std::move(value), std::move(text));
}

OptionSpec number_option(std::string_view names, std::string value, std::string text) {
  return option(OptionKind::kNumber, names, std::move(value), std::move(text));
}

const std::vector<CommandGroup>& all_groups() {
  static const std::vector<CommandGroup> kGroups = {
      CommandGroup::kEveryDay, CommandGroup::kData,  CommandGroup::kBefore,
      CommandGroup::kTraining, CommandGroup::kAfter, CommandGroup::kTools};
  return kGroups;
}

std::string_view group_title(CommandGroup group) {
  switch (group) {
    case CommandGroup::kEveryDay:
      return "Every day";
    case CommandGroup::kData:
      return "Data";
    case CommandGroup::kBefore:
      return "Before a run";
    case CommandGroup::kTraining:
      return "Training";
    case CommandGroup::kAfter:
      return "After a run";
    case CommandGroup::kTools:
      return "Tools";
  }
  return "";
}

const OptionSpec* CommandSpec::find_option(std::string_view option) const {
  for (const OptionSpec& known : options) {
    if (known.name == option) return &known;
  }
  return nullptr;
}

}  // namespace temper
