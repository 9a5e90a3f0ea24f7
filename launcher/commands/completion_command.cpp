#include <iostream>
#include <string>

#include "launcher/command_line.h"

namespace temper {
namespace {

// Options are taken from the command's own help, so they can't fall behind.
constexpr const char* kBash = R"SHELL(_temper() {
  local word=${COMP_WORDS[COMP_CWORD]}
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "COMMANDS --help --version" -- "$word"))
  elif [ "${word:0:1}" = - ]; then
    COMPREPLY=($(compgen -W "$("${COMP_WORDS[0]}" "${COMP_WORDS[1]}" --help 2>/dev/null |
      grep -oE -- '--[a-z][a-z-]+' | sort -u)" -- "$word"))
  fi
}
complete -o default -F _temper temper
)SHELL";

}  // namespace

int completion_command(const Arguments& arguments) {
  CommandLine line("temper completion SHELL",
                   "Prints what makes a shell complete temper's commands and options. For bash, in "
                   "~/.bashrc:\n  source <(temper completion bash)");
  line.positional("SHELL", 1);
  if (!line.parse(arguments)) return kExitDone;
  if (line.text("SHELL") != "bash") line.refuse("only bash is known");

  std::string names;
  for (const Command& command : commands()) {
    if (!names.empty()) names += ' ';
    names += command.name;
  }
  std::string script = kBash;
  static const std::string kPlace = "COMMANDS";
  std::cout << script.replace(script.find(kPlace), kPlace.size(), names);
  return kExitDone;
}

}  // namespace temper
