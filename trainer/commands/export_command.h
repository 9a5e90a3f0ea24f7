// `temper-rank export`: a checkpoint as a directory that other software loads, with its proof.
#pragma once

#include <string>
#include <vector>

#include "comm/mpi/comm_environment.h"

namespace temper {

// Collective. Returns the exit code (common/error.h).
int export_command(const std::vector<std::string>& arguments, CommEnvironment& environment);

}  // namespace temper
