// The table of commands: what `temper` can do, and what temper-rank can do of it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/cli/command_spec.h"

namespace temper {

// In the order in which help lists them, group by group.
const std::vector<CommandSpec>& all_commands();

// UserError, with the nearest known name, for an unknown one.
const CommandSpec& command_named(std::string_view name);

// Those that temper-rank runs.
std::vector<std::string> rank_command_names();
const CommandSpec& rank_command_named(std::string_view name);

// The parts of the table, a file each.
std::vector<CommandSpec> corpus_commands();    // of records, tokens and datasets
std::vector<CommandSpec> training_commands();  // from run.yaml to a run that has ended
std::vector<CommandSpec> model_commands();     // of what a run has made
std::vector<CommandSpec> tool_commands();      // of temper itself

}  // namespace temper
