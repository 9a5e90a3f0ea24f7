// The man pages: man(7) macros, for `man temper` and `man temper-pack`.
#pragma once

#include <string>
#include <vector>

#include "common/cli/command_spec.h"

namespace temper {

// temper(1): all commands.
std::string man_page(const std::vector<CommandSpec>& commands, const std::string& version);
// temper-COMMAND(1).
std::string man_page(const CommandSpec& command, const std::string& version);

}  // namespace temper
