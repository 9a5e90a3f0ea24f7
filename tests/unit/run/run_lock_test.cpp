#include "run/run_lock.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <memory>
#include <thread>

#include "common/error.h"
#include "tests/unit/error_text.h"
#include "tests/unit/temporary_directory.h"

namespace temper {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

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
    while (probe_run_lock(path_) != LockState::kHeld) std::this_thread::sleep_for(5ms);
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

TEST_F(RunLockTest, second_holder_is_refused) {
  const pid_t holder = start_holder();
  EXPECT_THAT(error_text<SystemError>([&] { RunLock(path_, 150ms); }),
              HasSubstr("is being trained by another process"));
  EXPECT_EQ(probe_run_lock(path_), LockState::kHeld);
  end(holder);
}

TEST_F(RunLockTest, killed_holder_lets_go_and_is_waited_for) {
  const pid_t holder = start_holder();
  std::thread killer([&] {
    std::this_thread::sleep_for(200ms);
    end(holder);
  });
  EXPECT_NO_THROW(RunLock(path_, 10s));
  killer.join();
}

}  // namespace
}  // namespace temper
