// `temper-rank generate`: one answer of a model, printed as it comes.
#pragma once

#include <string>
#include <vector>

#include "comm/mpi/comm_environment.h"

namespace temper {

// Collective. Returns the exit code (common/error.h).
int generate_command(const std::vector<std::string>& arguments, CommEnvironment& environment);

}  // namespace temper
