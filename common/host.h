// The machine that this process runs on.
#pragma once

#include <string>

namespace temper {

// The node's name, the same in all that temper says: Slurm's where it has given one, because
// several of its nodes may be one machine, else the host's; "unknown" where there is none.
std::string host_name();

}  // namespace temper
