#include <iostream>
#include <string>

#include "common/cli/commands.h"
#include "common/cli/completion.h"
#include "common/error.h"
#include "launcher/commands/commands.h"

namespace temper {

int completion_command(const CommandLine& line) {
  const auto shell = line.get("SHELL");
  if (shell == "bash") {
    std::cout << bash_completion(all_commands());
  } else if (shell == "zsh") {
    std::cout << zsh_completion(all_commands());
  } else if (shell == "fish") {
    std::cout << fish_completion(all_commands());
  } else {
    line.refuse(fmt::format("{}: expected bash, zsh or fish", shell));
  }
  return kExitDone;
}

}  // namespace temper
