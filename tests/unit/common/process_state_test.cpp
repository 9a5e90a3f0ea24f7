#include "common/process_state.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace temper {
namespace {

TEST(ProcessState, tells_who_runs_who_has_ended_and_who_is_gone) {
  EXPECT_EQ(process_state(getpid()), 'R');
  const pid_t child = fork();
  if (child == 0) _exit(0);
  siginfo_t info{};
  ASSERT_EQ(waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT), 0);
  EXPECT_EQ(process_state(child), 'Z');
  ASSERT_EQ(waitpid(child, nullptr, 0), child);
  EXPECT_EQ(process_state(child), '\0');
}

}  // namespace
}  // namespace temper
