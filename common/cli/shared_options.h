// Options that several commands share, so that they mean the same everywhere.
#pragma once

#include <vector>

#include "common/cli/command_spec.h"

namespace temper {

OptionSpec json_option(const char* text = "Prints the result as JSON.");
// --set, of every command that reads a run.yaml.
OptionSpec set_option();
// -n, --nproc.
OptionSpec nproc_option();
// --nproc, --launcher and --hostfile, of every command that starts ranks.
std::vector<OptionSpec> start_options();
// --model, --adapter and those of the chat template, of commands that load a model.
std::vector<OptionSpec> model_options();
std::vector<OptionSpec> template_options();
OptionSpec device_option();

// `parts` one after the other.
std::vector<OptionSpec> joined(const std::vector<std::vector<OptionSpec>>& parts);

}  // namespace temper
