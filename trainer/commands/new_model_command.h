// `temper-rank new-model`: a randomly initialised base, for pretraining small bases and for tests.
#pragma once

#include <string>
#include <vector>

#include "comm/mpi/comm_environment.h"

namespace temper {

int new_model_command(const std::vector<std::string>& arguments, CommEnvironment& environment);

}  // namespace temper
