// `temper-rank score`: logits, loss and gradients of given tokens, for comparing with other
// implementations.
#pragma once

#include <string>
#include <vector>

#include "comm/mpi/comm_environment.h"

namespace temper {

int score_command(const std::vector<std::string>& arguments, CommEnvironment& environment);

}  // namespace temper
