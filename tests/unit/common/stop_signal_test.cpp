#include "common/stop_signal.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>

namespace temper {
namespace {

// Runs `body` in a child process, because signals and their handlers are the whole process's.
template <typename Body>
int status_of_child(Body&& body) {
  const pid_t child = fork();
  if (child == 0) _exit(body());
  int status = 0;
  waitpid(child, &status, 0);
  return status;
}

TEST(StopSignalTest, no_signal_is_zero) {
  EXPECT_EQ(stop_signal_received(), 0);
}

TEST(StopSignalTest, sets_a_flag_and_the_process_goes_on) {
  for (const int signal_number : {SIGTERM, SIGINT, SIGUSR1}) {
    const int status = status_of_child([&] {
      install_stop_signal_handlers();
      raise(signal_number);
      return stop_signal_received() == signal_number ? 0 : 1;
    });
    EXPECT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 0) << "signal " << signal_number;
  }
}

TEST(StopSignalTest, second_interrupt_ends_the_process) {
  const int status = status_of_child([] {
    install_stop_signal_handlers();
    raise(SIGINT);
    raise(SIGINT);
    return 0;
  });
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 128 + SIGINT);
}

}  // namespace
}  // namespace temper
