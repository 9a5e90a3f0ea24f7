// `temper-rank doctor [RUN.yaml]`: the preflight alone.
#pragma once

#include <string>
#include <vector>

#include "comm/mpi/comm_environment.h"

namespace temper {

// Returns the exit code (common/error.h): kExitFailed when something is wrong.
int doctor_command(const std::vector<std::string>& arguments, CommEnvironment& environment);

}  // namespace temper
