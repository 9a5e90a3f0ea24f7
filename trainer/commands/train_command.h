// `temper-rank train RUN.yaml`: one rank of a training run.
#pragma once

#include <string>
#include <vector>

#include "comm/mpi/comm_environment.h"

namespace temper {

// Returns the exit code (common/error.h).
int train_command(const std::vector<std::string>& arguments, CommEnvironment& environment);

}  // namespace temper
