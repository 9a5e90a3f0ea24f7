// A group of one, without MPI.
#pragma once

#include <memory>

#include "comm/process_group.h"

namespace temper {

std::unique_ptr<ProcessGroup> make_local_process_group();

}  // namespace temper
