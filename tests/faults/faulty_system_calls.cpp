// io/system_calls.h for tests: counts, fails, shortens, delays, kills (fault_plan.h), and tells
// UnsyncedLoss what was synced.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <mutex>
#include <string>
#include <thread>

#include "io/system_calls.h"
#include "tests/faults/fault_plan.h"
#include "tests/faults/unsynced_loss.h"

namespace temper::faults {
namespace {

struct State {
  std::mutex mutex;
  Plan plan = plan_from_environment();
  int64_t calls = 0;
  bool struck = false;
};

State& state() {
  static State instance;
  return instance;
}

std::string path_of(int fd) {
  std::error_code ignored;
  return std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(fd), ignored).string();
}

void die() {
  ::kill(getpid(), SIGKILL);
  ::pause();
}

// What is to happen to the call that is about to be made.
Action next_action(const std::string& path) {
  State& self = state();
  int64_t delay_ms = 0;
  std::function<void(const std::string&)> before;
  Action action = Action::kNone;
  {
    const std::lock_guard lock(self.mutex);
    if (path.find(self.plan.match) == std::string::npos) return Action::kNone;
    ++self.calls;
    delay_ms = self.plan.delay_ms;
    before = self.plan.before_each;
    const bool due =
        self.plan.from_then_on ? self.calls >= self.plan.call : self.calls == self.plan.call;
    if (self.plan.call > 0 && due) action = self.plan.action;
  }
  if (delay_ms > 0) std::this_thread::sleep_for(std::chrono::milliseconds(delay_ms));
  if (before) before(path);
  if (action == Action::kKillBefore) die();
  return action;
}

void mark_struck() {
  const std::lock_guard lock(state().mutex);
  state().struck = true;
}

int planned_error() {
  const std::lock_guard lock(state().mutex);
  return state().plan.error_number;
}

// Makes the call, or what the plan wants instead.
template <typename Call>
auto make(const std::string& path, Call call) -> decltype(call()) {
  const Action action = next_action(path);
  if (action == Action::kFail) {
    mark_struck();
    errno = planned_error();
    return -1;
  }
  const auto result = call();
  if (action == Action::kKillAfter) die();
  return result;
}

// The same of a write of so many bytes, which may be cut to half of them.
template <typename Write>
ssize_t make_write(int fd, size_t num_bytes, Write write) {
  const Action action = next_action(path_of(fd));
  if (action == Action::kFail) {
    mark_struck();
    errno = planned_error();
    return -1;
  }
  const bool shorten = action == Action::kShorten && num_bytes > 1;
  if (shorten) mark_struck();
  const ssize_t result = write(shorten ? num_bytes / 2 : num_bytes);
  if (action == Action::kKillAfter) die();
  return result;
}

}  // namespace

void arm(Plan plan) {
  const std::lock_guard lock(state().mutex);
  state().plan = std::move(plan);
  state().calls = 0;
  state().struck = false;
}

void disarm() {
  arm({});
}

int64_t num_calls() {
  const std::lock_guard lock(state().mutex);
  return state().calls;
}

bool has_struck() {
  const std::lock_guard lock(state().mutex);
  return state().struck;
}

}  // namespace temper::faults

namespace temper::sys {

using faults::Action;
using faults::UnsyncedLoss;

int open(const char* path, int flags, mode_t mode) {
  const int fd = faults::make(path, [&] { return ::open(path, flags | O_CLOEXEC, mode); });
  if (fd >= 0 && (flags & O_EXCL) != 0) UnsyncedLoss::created(fd);
  return fd;
}

ssize_t write(int fd, const void* data, size_t num_bytes) {
  return faults::make_write(fd, num_bytes, [&](size_t count) { return ::write(fd, data, count); });
}

ssize_t pwrite(int fd, const void* data, size_t num_bytes, off_t offset) {
  return faults::make_write(fd, num_bytes,
                            [&](size_t count) { return ::pwrite(fd, data, count, offset); });
}

int ftruncate(int fd, off_t size) {
  return faults::make(faults::path_of(fd), [&] { return ::ftruncate(fd, size); });
}

int fallocate(int fd, off_t size) {
  return faults::make(faults::path_of(fd), [&] { return ::fallocate(fd, 0, 0, size); });
}

int fsync(int fd) {
  const int result = faults::make(faults::path_of(fd), [&] { return ::fsync(fd); });
  if (result == 0) UnsyncedLoss::synced(fd);
  return result;
}

int close(int fd) {
  const std::string path = faults::path_of(fd);
  const int result = faults::make(path, [&] { return ::close(fd); });
  // Linux lets go of the descriptor whatever close says.
  if (result != 0) ::close(fd);
  return result;
}

int mkdir(const char* path, mode_t mode) {
  const int result = faults::make(path, [&] { return ::mkdir(path, mode); });
  if (result == 0) {
    const int fd = ::open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    UnsyncedLoss::created(fd);
    ::close(fd);
  }
  return result;
}

int rename(const char* from, const char* to) {
  return faults::make(to, [&] { return ::rename(from, to); });
}

int symlink(const char* target, const char* path) {
  return faults::make(path, [&] { return ::symlink(target, path); });
}

int unlink(const char* path) {
  return faults::make(path, [&] { return ::unlink(path); });
}

}  // namespace temper::sys
