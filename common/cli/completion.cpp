#include "common/cli/completion.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "common/cli/help_text.h"

namespace temper {
namespace {

// A value that is a file or a directory: the shell completes it by itself.
bool names_path(const OptionSpec& option) {
  return option.value == "FILE" || option.value == "DIR" || option.value == "PATH";
}

std::vector<OptionSpec> options_of(const CommandSpec& command) {
  std::vector<OptionSpec> options = command.options;
  options.push_back(help_option());
  return options;
}

std::vector<std::string> words_of(const CommandSpec& command) {
  std::vector<std::string> words;
  for (const OptionSpec& option : options_of(command)) words.push_back("--" + option.name);
  return words;
}

std::vector<std::string> names_of(const std::vector<CommandSpec>& commands) {
  std::vector<std::string> names;
  for (const CommandSpec& command : commands) names.push_back(command.name);
  return names;
}

// In single quotes, for sh and fish alike.
std::string in_quotes(std::string_view text) {
  std::string out = "'";
  for (const char letter : text) {
    if (letter == '\'') {
      out += "'\\''";
    } else {
      out += letter;
    }
  }
  return out + "'";
}

// The first sentence of an option's text, without its full stop.
std::string first_sentence(const std::string& text) {
  const size_t end = text.find(". ");
  std::string sentence = text.substr(0, end);
  if (sentence.ends_with('.')) sentence.pop_back();
  return sentence;
}

// zsh reads brackets and colons of a description itself.
std::string zsh_text(const std::string& text) {
  std::string out;
  for (const char letter : text) {
    if (letter == '[' || letter == ']' || letter == ':' || letter == '\\') out += '\\';
    out += letter;
  }
  return out;
}

std::string zsh_value(const OptionSpec& option) {
  if (!option.takes_value()) return "";
  const std::string name = zsh_text(option.value);
  if (!option.choices.empty()) return fmt::format(":{}:({})", name, fmt::join(option.choices, " "));
  if (option.value == "DIR") return fmt::format(":{}:_files -/", name);
  return fmt::format(":{}:{}", name, names_path(option) ? "_files" : "");
}

std::string zsh_option(const OptionSpec& option) {
  const std::string rest =
      fmt::format("[{}]{}", zsh_text(first_sentence(option.text)), zsh_value(option));
  const char* const star = option.is_list() ? "*" : "";
  std::string text = fmt::format("      {} \\\n", in_quotes(star + ("--" + option.name) + rest));
  if (option.letter != '\0') {
    text +=
        fmt::format("      {} \\\n", in_quotes(fmt::format("{}-{}{}", star, option.letter, rest)));
  }
  return text;
}

std::string fish_option(const CommandSpec& command, const OptionSpec& option) {
  std::string line = fmt::format("complete -c temper -n '__fish_seen_subcommand_from {}' -l {}",
                                 command.name, option.name);
  if (option.letter != '\0') line += fmt::format(" -s {}", option.letter);
  if (!option.choices.empty()) {
    line += fmt::format(" -x -a {}", in_quotes(fmt::format("{}", fmt::join(option.choices, " "))));
  } else if (option.takes_value()) {
    line += names_path(option) ? " -r" : " -x";
  }
  return fmt::format("{} -d {}\n", line, in_quotes(first_sentence(option.text)));
}

}  // namespace

std::string bash_completion(const std::vector<CommandSpec>& commands) {
  std::string options, values;
  for (const CommandSpec& command : commands) {
    options += fmt::format("    {}) echo {} ;;\n", command.name,
                           in_quotes(fmt::format("{}", fmt::join(words_of(command), " "))));
    for (const OptionSpec& option : command.options) {
      if (option.choices.empty()) continue;
      std::string pattern = fmt::format("{}:--{}", command.name, option.name);
      if (option.letter != '\0') pattern += fmt::format("|{}:-{}", command.name, option.letter);
      values += fmt::format("    {}) echo {} ;;\n", pattern,
                            in_quotes(fmt::format("{}", fmt::join(option.choices, " "))));
    }
  }
  return fmt::format(
      R"SHELL(_temper_options() {{
  case $1 in
{}  esac
}}
_temper_values() {{
  case $1:$2 in
{}  esac
}}
_temper() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} command=${{COMP_WORDS[1]}} before=${{COMP_WORDS[COMP_CWORD-1]}} values
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W {} -- "$word"))
    return
  fi
  values=$(_temper_values "$command" "$before")
  if [ -n "$values" ]; then
    COMPREPLY=($(compgen -W "$values" -- "$word"))
  elif [ "$command" = help ]; then
    COMPREPLY=($(compgen -W {} -- "$word"))
  elif [ "${{word:0:1}}" = - ]; then
    COMPREPLY=($(compgen -W "$(_temper_options "$command")" -- "$word"))
  fi
}}
complete -o default -F _temper temper
)SHELL",
      options, values,
      in_quotes(fmt::format("{} --help --version", fmt::join(names_of(commands), " "))),
      in_quotes(fmt::format("{} --as", fmt::join(names_of(commands), " "))));
}

std::string zsh_completion(const std::vector<CommandSpec>& commands) {
  std::string text = "#compdef temper\n_temper() {\n  local -a commands\n  commands=(\n";
  for (const CommandSpec& command : commands) {
    text += fmt::format("    {}\n", in_quotes(command.name + ":" + zsh_text(command.summary)));
  }
  text +=
      "  )\n"
      "  if (( CURRENT == 2 )); then\n"
      "    _describe -t commands 'temper command' commands\n"
      "    return\n"
      "  fi\n"
      "  local command=$words[2]\n"
      "  shift words\n"
      "  (( CURRENT-- ))\n"
      "  case $command in\n";
  for (const CommandSpec& command : commands) {
    text += fmt::format("    {}) _arguments -s \\\n", command.name);
    for (const OptionSpec& option : options_of(command)) text += zsh_option(option);
    text +=
        command.name == "help" ? "      '*:command:->commands' ;;\n" : "      '*:file:_files' ;;\n";
  }
  text +=
      "  esac\n"
      "  if [[ $state == commands ]]; then _describe -t commands 'temper command' commands; fi\n"
      "}\n"
      "if [[ $funcstack[1] == _temper ]]; then _temper \"$@\"; else compdef _temper temper; fi\n";
  return text;
}

std::string fish_completion(const std::vector<CommandSpec>& commands) {
  std::string text;
  for (const CommandSpec& command : commands) {
    text += fmt::format("complete -c temper -f -n __fish_use_subcommand -a {} -d {}\n",
                        command.name, in_quotes(command.summary));
  }
  text += "complete -c temper -n __fish_use_subcommand -s h -l help -d 'List the commands'\n";
  text += "complete -c temper -n __fish_use_subcommand -l version -d 'Print the version'\n";
  text += fmt::format("complete -c temper -f -n '__fish_seen_subcommand_from help' -a {}\n",
                      in_quotes(fmt::format("{}", fmt::join(names_of(commands), " "))));
  for (const CommandSpec& command : commands) {
    for (const OptionSpec& option : options_of(command)) text += fish_option(command, option);
  }
  return text;
}

}  // namespace temper
