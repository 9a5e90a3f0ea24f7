#include "launcher/supervise.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <string>
#include <thread>
#include <utility>

#include "common/error.h"

namespace temper {
namespace {

using namespace std::chrono_literals;

RankLaunch fake_rank(const std::string& delay_ms, const std::string& how) {
  RankLaunch launch;
  launch.command = {TEMPER_FAKE_RANK, delay_ms, how};
  return launch;
}

RankLaunch fake_mpirun(const std::string& how) {
  RankLaunch launch = fake_rank("0", how);
  launch.kind = RankLaunch::Kind::kMpirun;
  return launch;
}

const Supervision kTraining = {.stops_by_itself = true, .is_ready = {}};

// supervise() in a process of its own, which then ends as the ranks did.
pid_t supervise_apart(const RankLaunch& launch, const Supervision& supervision = kTraining) {
  const pid_t pid = fork();
  if (pid == 0) {
    // What a test framework's output would say twice is not wanted.
    if (freopen("/dev/null", "w", stderr) == nullptr) _exit(99);
    _exit(supervise(launch, supervision).status.shell_code());
  }
  return pid;
}

int exit_code_of(pid_t pid) {
  return wait_for_process(pid).shell_code();
}

// Zombies do not count.
bool is_running(pid_t pid) {
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  std::string number, name, state;
  return stat >> number >> name >> state && state != "Z";
}

bool ends_within(pid_t pid, std::chrono::milliseconds limit) {
  for (auto waited = 0ms; waited < limit; waited += 50ms) {
    if (!is_running(pid)) return true;
    std::this_thread::sleep_for(50ms);
  }
  return false;
}

pid_t child_of(pid_t pid) {
  std::ifstream children(fmt::format("/proc/{0}/task/{0}/children", pid));
  pid_t child = 0;
  children >> child;
  return child;
}

TEST(Supervise, passes_the_exit_code_on) {
  EXPECT_EQ(supervise(fake_rank("0", "0"), kTraining).status.shell_code(), 0);
  EXPECT_EQ(supervise(fake_rank("0", "2"), kTraining).status.shell_code(), 2);
}

TEST(Supervise, missing_program_is_an_error) {
  RankLaunch launch;
  launch.command = {"/nowhere/temper-rank"};
  EXPECT_THROW(supervise(launch, kTraining), SystemError);
}

TEST(Supervise, every_polite_signal_becomes_a_request_to_stop) {
  for (const int number : {SIGTERM, SIGINT, SIGUSR1, SIGHUP}) {
    const pid_t pid = supervise_apart(fake_rank("0", "stop"));
    std::this_thread::sleep_for(200ms);
    kill(pid, number);
    EXPECT_EQ(exit_code_of(pid), 75) << strsignal(number);
  }
}

TEST(Supervise, request_that_comes_while_ranks_start_up_is_not_lost) {
  const pid_t pid = supervise_apart(fake_rank("600", "stop"));
  std::this_thread::sleep_for(200ms);
  kill(pid, SIGTERM);
  EXPECT_EQ(exit_code_of(pid), 75);
}

TEST(Supervise, request_waits_until_the_ranks_can_take_it) {
  // A rank that USR1 would kill for 600 ms: mpirun does not pass on that it is ignored.
  Supervision supervision = kTraining;
  const auto start = std::chrono::steady_clock::now();
  supervision.is_ready = [start] { return std::chrono::steady_clock::now() - start > 1s; };
  const pid_t pid = supervise_apart(fake_rank("600", "fragile"), supervision);
  std::this_thread::sleep_for(200ms);
  kill(pid, SIGTERM);
  EXPECT_EQ(exit_code_of(pid), 75);
}

TEST(Supervise, job_that_does_not_stop_by_itself_is_ended) {
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) {
    const pid_t pid = supervise_apart(fake_rank("0", "deaf"), {});
    std::this_thread::sleep_for(200ms);
    kill(pid, number);
    EXPECT_EQ(exit_code_of(pid), 128 + (number == SIGINT ? SIGINT : SIGTERM)) << strsignal(number);
  }
}

TEST(Supervise, term_to_all_processes_leaves_mpirun_to_wait_for_its_ranks) {
  const pid_t pid = supervise_apart(fake_mpirun("stop"));
  std::this_thread::sleep_for(200ms);
  const pid_t child = child_of(pid);
  ASSERT_GT(child, 0);  // 0 would be this test's whole group
  kill(child, SIGTERM);
  std::this_thread::sleep_for(100ms);
  kill(pid, SIGTERM);
  EXPECT_EQ(exit_code_of(pid), 75);
}

TEST(Supervise, second_interrupt_ends_the_ranks) {
  for (const auto& [launch, number] :
       {std::pair(fake_rank("0", "deaf"), SIGKILL), std::pair(fake_mpirun("deaf"), SIGINT)}) {
    const pid_t pid = supervise_apart(launch);
    std::this_thread::sleep_for(200ms);
    kill(pid, SIGINT);
    std::this_thread::sleep_for(100ms);
    kill(pid, SIGINT);
    EXPECT_EQ(exit_code_of(pid), 128 + number);
  }
}

TEST(Supervise, ranks_do_not_outlive_it) {
  for (const RankLaunch& launch : {fake_rank("0", "deaf"), fake_mpirun("deaf")}) {
    const pid_t pid = supervise_apart(launch);
    std::this_thread::sleep_for(200ms);
    const pid_t rank = child_of(pid);
    ASSERT_GT(rank, 0);
    ASSERT_TRUE(is_running(rank));
    kill(pid, SIGKILL);
    wait_for_process(pid);
    EXPECT_TRUE(ends_within(rank, 2000ms));
  }
}

}  // namespace
}  // namespace temper
