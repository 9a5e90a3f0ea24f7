// The daemons that mpirun starts on the nodes of a Slurm job, deaf to TERM. scancel sends it to
// every process; a daemon that heard it would end its ranks, which stop by themselves with a
// checkpoint.
#pragma once

#include <string>
#include <vector>

namespace temper {

// `temper mpirun-daemon PROGRAM...`, which mpirun calls; no command for people.
inline constexpr const char* kMpirunDaemonCommand = "mpirun-daemon";

// For mpirun's orte_launch_agent; empty where the user has set it, where mpirun is not Open MPI's
// (up to version 4), or this program's path has a space, at which mpirun would part it.
std::string mpirun_launch_agent();

// Replaces this process by the program, which TERM does not reach.
[[noreturn]] void become_mpirun_daemon(const std::vector<std::string>& command);

}  // namespace temper
