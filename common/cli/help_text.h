// The help of the commands, for a terminal.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/cli/command_spec.h"

namespace temper {

// What `temper --help` prints: all commands in groups.
std::string general_help(const std::vector<CommandSpec>& commands);

// What `temper COMMAND --help` prints: usage, what it does, and every option.
std::string help_text(const CommandSpec& command);
// The same of temper-rank, without the options that only `temper` understands.
std::string rank_help_text(const CommandSpec& command);

// "-n, --nproc N".
std::string option_heading(const OptionSpec& option);
// The option's sentences, its choices and its default.
std::string option_sentences(const OptionSpec& option);
// The option that every command has.
OptionSpec help_option();

// "0 done", "1 failed", ...: what the exit codes mean, in order.
std::vector<std::string> exit_code_sentences();

// `text` in lines of at most `width` columns, all but the first with `indent` spaces before them.
// Lines that begin with a space, and line ends between such, stay; an empty line ends a paragraph.
std::string wrapped(std::string_view text, size_t width, size_t indent = 0);

}  // namespace temper
