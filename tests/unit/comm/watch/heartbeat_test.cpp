#include "comm/watch/heartbeat.h"
#include "comm/mpi/comm_environment.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "comm/watch/watchdog.h"
#include "common/error.h"
#include "tests/fixtures/wait_until.h"

namespace temper {
namespace {

TEST(Heartbeat, scopes_name_the_outermost_operation_and_count_collectives) {
  Heartbeat& mine = heartbeat::mine();
  const uint64_t operations = mine.operations, progress = mine.progress;
  {
    const OperationScope reduction(Operation::kReduceScatter);
    EXPECT_EQ(mine.operation, Operation::kReduceScatter);
    const OperationScope barrier(Operation::kBarrier);
    EXPECT_EQ(mine.operation, Operation::kReduceScatter);
  }
  EXPECT_EQ(mine.operation, Operation::kNone);
  { const OperationScope send(Operation::kSend); }
  EXPECT_EQ(mine.operations, operations + 1);
  EXPECT_GE(mine.progress, progress + 6);
}

TEST(Heartbeat, phases_nest_and_other_threads_count_in_theirs_only) {
  heartbeat::set_phase(RankPhase::kStep);
  Heartbeat& mine = heartbeat::mine();
  {
    const PhaseScope save(RankPhase::kSave);
    const uint64_t before = mine.progress;
    std::thread([] { heartbeat::beat_in(RankPhase::kSave); }).join();
    EXPECT_EQ(mine.progress, before + 1);
  }
  EXPECT_EQ(mine.phase, RankPhase::kStep);
  const uint64_t before = mine.progress;
  heartbeat::beat_in(RankPhase::kSave);
  EXPECT_EQ(mine.progress, before);
}

// A process of its own, which the watchdog ends.
void stall_alone() {
  CommEnvironment environment(nullptr, nullptr);
  environment.watch({0.2, {}});
  heartbeat::set_phase(RankPhase::kStep);
  heartbeat::set_step(12);
  for (;;) pause();
}

TEST(WatchdogDeathTest, rank_alone_is_named_when_it_makes_no_progress) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(
      stall_alone(), testing::ExitedWithCode(kExitStalled),
      "^temper: error: rank 0 on .* is stuck at step 12, outside of any collective: 0.2[0-9]* s "
      "without progress, it sleeps; the job ends \\(stall_timeout: 0.2 s\\)");
}

void work_and_leave() {
  constexpr std::chrono::milliseconds kLimit(500);
  {
    CommEnvironment environment(nullptr, nullptr);
    environment.watch({0.5, {}});
    const auto start = std::chrono::steady_clock::now();
    while (std::chrono::steady_clock::now() - start < 2 * kLimit) {
      heartbeat::beat();
      std::this_thread::yield();
    }
  }
  let_pass(2 * kLimit);
  _exit(0);
}

TEST(WatchdogDeathTest, rank_that_works_or_has_left_is_let_alone) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(work_and_leave(), testing::ExitedWithCode(0), "^$");
}

}  // namespace
}  // namespace temper
