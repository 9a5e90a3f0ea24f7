// What Open MPI's mpirun leaves behind when it is killed: a session directory, and the ranks'
// segments in /dev/shm, which are memory until the machine restarts.
#pragma once

#include <sys/types.h>

#include <filesystem>

namespace temper {

// Where Open MPI keeps its session directories: TMPDIR, TEMP, TMP, or /tmp.
std::filesystem::path mpirun_temporary_directory();

// Where Open MPI keeps such things.
struct MpirunPlaces {
  std::filesystem::path temporary = mpirun_temporary_directory();
  std::filesystem::path shared_memory = "/dev/shm";
};

// After the mpirun that was process `pid` of this machine has ended: removes what is left of its
// job, if anything is. Only what bears the names of this job is touched.
void remove_mpirun_leftovers(pid_t pid, const MpirunPlaces& places = {});

// The same for every mpirun of this user on this machine that is no more: who started it was killed
// together with it, and could not.
void remove_leftovers_of_ended_mpiruns(const MpirunPlaces& places = {});

}  // namespace temper
