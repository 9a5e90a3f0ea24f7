// A hostfile of mpirun's, read as Open MPI 4 reads it: "host", "host slots=4", "user@host",
// "^host" to leave one out, comments after "#".
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace temper {

struct HostSlots {
  std::string host;
  int slots = 1;  // ranks that the host has room for
};

// The hosts in their order. A host that stands there once without slots= has max_slots= where that
// is given, else as many slots as it has cores, of which only the host knows the number:
// `cores_of_a_host` is taken for it. One that stands there several times has a slot for each time.
// UserError, with file and line, for what mpirun would not read and for a file that names no host.
std::vector<HostSlots> read_hostfile(const std::filesystem::path& path, int cores_of_a_host);

// The name of this machine as Open MPI has it, without its domain; empty where there is none.
std::string mpirun_host_name();

// Cores of this machine, as Open MPI counts them: threads of one core are one.
int num_physical_cores();

}  // namespace temper
