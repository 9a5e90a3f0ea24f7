// docs/reference/commands.md, as Markdown.
#pragma once

#include <string>
#include <vector>

#include "common/cli/command_spec.h"

namespace temper {

std::string command_reference(const std::vector<CommandSpec>& commands);
// One command's part of it.
std::string command_reference(const CommandSpec& command);

}  // namespace temper
