#include "run/run_lock.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <thread>

#include "common/error.h"
#include "common/log.h"

namespace temper {
namespace {

constexpr std::chrono::milliseconds kPollInterval(100);

// 0, or the errno of an attempt that does not wait.
int try_lock(int fd, int kind) {
  while (flock(fd, kind | LOCK_NB) != 0) {
    if (errno != EINTR) return errno;
  }
  return 0;
}

}  // namespace

RunLock::RunLock(const std::filesystem::path& path, std::chrono::milliseconds patience)
    : fd_(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)) {
  if (!fd_.is_open()) throw SystemError("cannot open {}: {}", path.native(), errno_text(errno));
  const std::string directory = path.parent_path().native();
  const auto deadline = std::chrono::steady_clock::now() + patience;
  for (bool said = false;;) {
    const int error = try_lock(fd_.get(), LOCK_EX);
    if (error == 0) return;
    if (error != EWOULDBLOCK) {
      log::warning("{} cannot be locked ({}): see to it that only one job trains there",
                   path.native(), errno_text(error));
      return;
    }
    if (std::chrono::steady_clock::now() >= deadline) {
      throw SystemError(
          "{} is being trained by another process, which is left alone; `temper status {}` shows "
          "it. Wait for its end, or choose another output_dir",
          directory, directory);
    }
    if (!said) log::info("waiting for another process to let go of {}", directory);
    said = true;
    std::this_thread::sleep_for(kPollInterval);
  }
}

LockState probe_run_lock(const std::filesystem::path& path) {
  const FileDescriptor fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.is_open()) return LockState::kUnknown;
  const int error = try_lock(fd.get(), LOCK_SH);
  if (error == 0) return LockState::kFree;
  return error == EWOULDBLOCK ? LockState::kHeld : LockState::kUnknown;
}

}  // namespace temper
