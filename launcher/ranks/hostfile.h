// A hostfile of mpirun: "host", "host slots=4", comments after "#".
#pragma once

#include <filesystem>

namespace temper {

// The ranks that it has room for: a host without slots has one. UserError for a missing or empty
// file, or a line that is none of these.
int count_slots(const std::filesystem::path& hostfile);

}  // namespace temper
