// What makes a shell complete temper's commands, options and values.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/cli/command_spec.h"

namespace temper {

std::string bash_completion(const std::vector<CommandSpec>& commands);
std::string zsh_completion(const std::vector<CommandSpec>& commands);
std::string fish_completion(const std::vector<CommandSpec>& commands);

}  // namespace temper
