// The errors of communication that are not one rank's alone.
#pragma once

#include <string>

#include "common/error.h"

namespace temper {

// An error that all ranks of the group throw together: rank 0 shows it, and all leave in order.
class AgreedError : public Error {
 public:
  AgreedError(const std::string& message, int exit_code) : Error(message, exit_code) {}
};

// /dev/shm of a node is too small; the text names needed and free bytes.
class SharedMemoryError : public AgreedError {
 public:
  explicit SharedMemoryError(const std::string& message) : AgreedError(message, kExitFailed) {}
};

}  // namespace temper
