// What temper-rank does of each command of the table (common/cli/commands.h). All of it is
// collective: all ranks call the same function with the same line. Returns the exit code
// (common/error.h).
#pragma once

#include <functional>

#include "comm/mpi/comm_environment.h"
#include "comm/process_group.h"
#include "common/cli/command_line.h"
#include "common/error.h"

namespace temper {

int train_command(const CommandLine& line, CommEnvironment& environment);
// The preflight alone: kExitFailed when something is wrong.
int doctor_command(const CommandLine& line, CommEnvironment& environment);
// Held-out loss and answers of a model, beside its base when asked.
int eval_command(const CommandLine& line, CommEnvironment& environment);
// A checkpoint as a directory that other software loads, with its proof.
int export_command(const CommandLine& line, CommEnvironment& environment);
// One answer of a model, printed as it comes.
int generate_command(const CommandLine& line, CommEnvironment& environment);
// Logits, loss and gradients of given tokens.
int score_command(const CommandLine& line, CommEnvironment& environment);
// A base with random weights.
int new_model_command(const CommandLine& line, CommEnvironment& environment);

// Does what is one rank's work, whatever the number of ranks: rank 0 calls `work`. Collective: all
// ranks share its errors.
int run_on_rank_0(ProcessGroup& group, const std::function<void()>& work);

}  // namespace temper
