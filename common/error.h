// Errors of temper. Two kinds reach a user, and only `main` catches them:
//   UserError    what the user gave is wrong (flag, YAML key, model directory, record): exit 2.
//   SystemError  the outside world failed (disk, network, MPI, a damaged file): exit 1.
// Their text carries the offending value, its place (file, line, key, record) and what to do, and
// never the text of a record. A broken invariant of our own is an InternalError, thrown by
// TEMPER_CHECK: a bug, exit 1.
#pragma once

#include <fmt/format.h>

#include <stdexcept>
#include <string>
#include <utility>

namespace temper {

// Exit codes of every program of the project.
inline constexpr int kExitDone = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitUserError = 2;
inline constexpr int kExitStopped = 75;  // stopped on a signal with a complete checkpoint
inline constexpr int kExitStalled = 76;  // a rank made no progress, and so all were ended

class Error : public std::runtime_error {
 public:
  int exit_code() const { return exit_code_; }

 protected:
  Error(const std::string& message, int exit_code)
      : std::runtime_error(message), exit_code_(exit_code) {}

 private:
  int exit_code_;
};

class UserError : public Error {
 public:
  explicit UserError(const std::string& message) : Error(message, kExitUserError) {}
  template <typename... Args>
  explicit UserError(fmt::format_string<Args...> format, Args&&... args)
      : UserError(fmt::format(format, std::forward<Args>(args)...)) {}
};

class SystemError : public Error {
 public:
  explicit SystemError(const std::string& message) : Error(message, kExitFailed) {}
  template <typename... Args>
  explicit SystemError(fmt::format_string<Args...> format, Args&&... args)
      : SystemError(fmt::format(format, std::forward<Args>(args)...)) {}
};

class InternalError : public Error {
 public:
  explicit InternalError(const std::string& message) : Error(message, kExitFailed) {}
};

[[noreturn]] void throw_internal_error(const char* file, int line, const char* condition,
                                       const std::string& message);

// "No such file or directory" for the given errno value.
std::string errno_text(int error_number);

}  // namespace temper

// Invariants of our own code. The message is a fmt format string with its arguments.
#define TEMPER_CHECK(condition, ...)                                 \
  do {                                                               \
    if (!(condition)) [[unlikely]]                                   \
      ::temper::throw_internal_error(__FILE__, __LINE__, #condition, \
                                     ::fmt::format("" __VA_ARGS__)); \
  } while (false)
