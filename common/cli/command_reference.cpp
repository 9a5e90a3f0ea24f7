#include "common/cli/command_reference.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <sstream>

#include "common/cli/help_text.h"

namespace temper {
namespace {

constexpr const char* kIntroduction =
    "# Commands\n\n"
    "Written by `temper help --as markdown > docs/reference/commands.md`; a test compares the "
    "two.\nThe keys of run.yaml are in [run_yaml.md](run_yaml.md).\n\n"
    "Results go to standard output, all else to standard error; `--json` prints results as JSON. ";

// Of a table's cell.
std::string cell(const std::string& text) {
  std::string out;
  for (const char letter : text) {
    if (letter == '|' || letter == '<' || letter == '*') out += '\\';
    out += letter;
  }
  return out;
}

std::string paragraphs(const std::string& text) {
  std::string out;
  std::istringstream lines(text);
  bool is_code = false;
  for (std::string line; std::getline(lines, line);) {
    const bool keeps = !line.empty() && line.front() == ' ';
    if (keeps != is_code) out += keeps ? "\n```\n" : "```\n\n";
    is_code = keeps;
    out += line + "\n";
  }
  return is_code ? out + "```\n" : out;
}

}  // namespace

std::string command_reference(const CommandSpec& command) {
  std::string text = fmt::format("### temper {}\n\n```\n{}\n```\n\n{}\n", command.name,
                                 command.usage, paragraphs(command.about));
  if (command.options.empty()) return text;
  text += "| option | |\n|---|---|\n";
  for (const OptionSpec& option : command.options) {
    text += fmt::format("| `{}` | {} |\n", cell(option_heading(option)),
                        cell(option_sentences(option)));
  }
  return text + "\n";
}

std::string command_reference(const std::vector<CommandSpec>& commands) {
  std::string text = kIntroduction;
  text += fmt::format("Exit codes: {}.\n", fmt::join(exit_code_sentences(), "; "));
  for (const CommandGroup group : all_groups()) {
    text += fmt::format("\n## {}\n\n", group_title(group));
    for (const CommandSpec& command : commands) {
      if (command.group == group) text += command_reference(command);
    }
  }
  while (text.ends_with("\n\n")) text.pop_back();
  return text;
}

}  // namespace temper
