#include "run/run_lock.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <memory>
#include <thread>

#include "common/error.h"
#include "tests/fixtures/names.h"
#include "tests/fixtures/wait_until.h"
#include "tests/unit/error_text.h"
#include "tests/unit/temporary_directory.h"

namespace temper {
namespace {

using namespace std::chrono_literals;

// As whoever waits for a lock has the file.
bool this_process_has_open(const std::filesystem::path& path) {
  std::error_code closed_meanwhile;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    if (std::filesystem::read_symlink(entry.path(), closed_meanwhile) == path) return true;
  }
  return false;
}

class RunLockTest : public testing::Test {
 protected:
  // A process that holds the lock until it is killed. Returns once it does.
  pid_t start_holder() const {
    const pid_t pid = fork();
    if (pid == 0) {
      const RunLock lock(path_, 0ms);
      pause();
      _exit(0);
    }
    EXPECT_TRUE(wait_until([&] { return probe_run_lock(path_) == LockState::kHeld; }));
    return pid;
  }
  static void end(pid_t pid) {
    kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);
  }

  const TemporaryDirectory directory_;
  const std::filesystem::path path_ = directory_ / "lock";
};

TEST_F(RunLockTest, is_held_for_its_life) {
  EXPECT_EQ(probe_run_lock(path_), LockState::kUnknown);
  auto lock = std::make_unique<RunLock>(path_, 0ms);
  EXPECT_EQ(probe_run_lock(path_), LockState::kHeld);
  lock.reset();
  EXPECT_EQ(probe_run_lock(path_), LockState::kFree);
  EXPECT_NO_THROW(RunLock(path_, 0ms));
}

TEST_F(RunLockTest, link_is_not_followed) {
  std::filesystem::create_symlink(directory_ / "elsewhere", path_);
  EXPECT_THAT(error_text<SystemError>([&] { RunLock(path_, 0ms); }), names(path_.string()));
  EXPECT_FALSE(std::filesystem::exists(directory_ / "elsewhere"));
}

TEST_F(RunLockTest, second_holder_is_refused) {
  const pid_t holder = start_holder();
  EXPECT_THAT(error_text<SystemError>([&] { RunLock(path_, 150ms); }),
              names("temper status " + path_.parent_path().string(), "output_dir"));
  EXPECT_EQ(probe_run_lock(path_), LockState::kHeld);
  end(holder);
}

TEST_F(RunLockTest, killed_holder_lets_go_and_is_waited_for) {
  const pid_t holder = start_holder();
  std::thread killer([&] {
    EXPECT_TRUE(wait_until([&] { return this_process_has_open(path_); }));
    end(holder);
  });
  EXPECT_NO_THROW(RunLock(path_, 2min));
  killer.join();
}

}  // namespace
}  // namespace temper
