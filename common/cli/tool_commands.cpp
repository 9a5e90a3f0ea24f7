#include "common/cli/commands.h"

namespace temper {
namespace {

CommandSpec help() {
  return {.name = "help",
          .group = CommandGroup::kTools,
          .summary = "Explain a command, here, as a man page or as Markdown",
          .usage = "temper help [COMMAND] [--as NAME]",
          .about =
              "Prints what `temper COMMAND --help` prints, or without COMMAND the list of all. "
              "The other formats are what the installed man pages and the reference of the "
              "commands are made of.",
          .arguments = {{"COMMAND", 0, 1}},
          .options = {text_option("as", "NAME", "Form of the text.")
                          .one_of({"text", "man", "markdown", "names"})
                          .or_else("text")}};
}

CommandSpec completion() {
  return {.name = "completion",
          .group = CommandGroup::kTools,
          .summary = "Print what makes a shell complete all this",
          .usage = "temper completion bash|zsh|fish",
          .about =
              "Prints what makes a shell complete temper's commands, options and values.\n\n"
              "  bash, in ~/.bashrc:  source <(temper completion bash)\n"
              "  zsh, in ~/.zshrc after compinit:  source <(temper completion zsh)\n"
              "  fish, once:          temper completion fish > "
              "~/.config/fish/completions/temper.fish",
          .arguments = {{"SHELL"}}};
}

}  // namespace

std::vector<CommandSpec> tool_commands() {
  return {help(), completion()};
}

}  // namespace temper
