// What each command of the table (common/cli/commands.h) does. A function a command, in a file of
// its own: it reads its options and calls the room whose work it is.
#pragma once

#include <string>

#include "common/cli/command_line.h"
#include "common/error.h"

namespace temper {

// Runs the command that `line` has parsed. Returns the exit code (common/error.h).
int run_command(const CommandLine& line);

// nullptr for a name that the table does not have.
using CommandFunction = int (*)(const CommandLine& line);
CommandFunction find_command_function(const std::string& name);

int init_command(const CommandLine& line);
int schema_command(const CommandLine& line);
int migrate_command(const CommandLine& line);
int pack_command(const CommandLine& line);
int check_command(const CommandLine& line);
int trace_command(const CommandLine& line);
int inspect_command(const CommandLine& line);
int tokenize_command(const CommandLine& line);
int render_command(const CommandLine& line);
int new_tokenizer_command(const CommandLine& line);
int synth_command(const CommandLine& line);

int plan_command(const CommandLine& line);
int train_command(const CommandLine& line);
int sweep_command(const CommandLine& line);
int doctor_command(const CommandLine& line);
int rehearse_command(const CommandLine& line);
int submit_command(const CommandLine& line);
int status_command(const CommandLine& line);
int report_command(const CommandLine& line);
int eval_command(const CommandLine& line);

// Of generate, export, score and new-model: temper-rank takes this process's place.
int rank_command(const CommandLine& line);

int help_command(const CommandLine& line);
int completion_command(const CommandLine& line);

}  // namespace temper
