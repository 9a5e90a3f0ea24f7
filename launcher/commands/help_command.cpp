#include <iostream>
#include <string>

#include "common/cli/command_reference.h"
#include "common/cli/commands.h"
#include "common/cli/help_text.h"
#include "common/cli/man_page.h"
#include "common/error.h"
#include "common/version.h"
#include "launcher/commands/commands.h"

namespace temper {
namespace {

std::string text_of_all(const std::string& format) {
  if (format == "man") return man_page(all_commands(), kVersion);
  if (format == "markdown") return command_reference(all_commands());
  if (format == "names") {
    std::string names;
    for (const CommandSpec& command : all_commands()) names += command.name + "\n";
    return names;
  }
  return general_help(all_commands());
}

std::string text_of(const CommandSpec& command, const std::string& format) {
  if (format == "man") return man_page(command, kVersion);
  if (format == "markdown") return command_reference(command);
  if (format == "names") return command.name + "\n";
  return help_text(command);
}

}  // namespace

int help_command(const CommandLine& line) {
  const auto format = line.get("as");
  std::cout << (line.has("COMMAND") ? text_of(command_named(line.get("COMMAND")), format)
                                    : text_of_all(format));
  return kExitDone;
}

}  // namespace temper
