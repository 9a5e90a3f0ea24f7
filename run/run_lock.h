// Tells who trains in a run directory now: rank 0 of a run holds a lock on RUN_DIR/lock for the
// run's life, and the kernel lets go of it however the process ends. A second start can so be
// refused, and a killed run can be told from one that is still at work.
#pragma once

#include <chrono>
#include <filesystem>

#include "io/atomic_file.h"

namespace temper {

class RunLock {
 public:
  // Makes the file when it is missing; a link is not followed. A lock that another process holds is
  // waited for so long (the ranks of a killed job need seconds to end); SystemError when it is not
  // let go of. On a file system without locks there is a warning, and nothing is held.
  RunLock(const std::filesystem::path& path, std::chrono::milliseconds patience);

 private:
  FileDescriptor fd_;
};

enum class LockState { kHeld, kFree, kUnknown };

// kUnknown where there is no such file, or no locks.
LockState probe_run_lock(const std::filesystem::path& path);

}  // namespace temper
