// `temper-rank eval`: held-out loss and answers of a model, beside its base when asked.
#pragma once

#include <string>
#include <vector>

#include "comm/mpi/comm_environment.h"

namespace temper {

// Collective. Returns the exit code (common/error.h).
int eval_command(const std::vector<std::string>& arguments, CommEnvironment& environment);

}  // namespace temper
