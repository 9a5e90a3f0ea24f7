#include "launcher/ranks/supervise.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

#include "common/error.h"
#include "tests/fixtures/wait_until.h"
#include "tests/unit/temporary_directory.h"

namespace temper {
namespace {

// `ready` is the file that it waits for, empty for none (fake_rank.cpp).
RankLaunch fake_rank(const std::string& how, const std::string& ready = "") {
  RankLaunch launch;
  launch.command = {TEMPER_FAKE_RANK, ready, how};
  return launch;
}

RankLaunch fake_mpirun(const std::string& how) {
  RankLaunch launch = fake_rank(how);
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

pid_t child_of(pid_t pid) {
  std::ifstream children(fmt::format("/proc/{0}/task/{0}/children", pid));
  pid_t child = 0;
  children >> child;
  return child;
}

// One of the masks in /proc/PID/status: "SigCgt:" the signals that have a handler, "ShdPnd:" those
// that wait to be taken.
bool has_signal(pid_t pid, const std::string& mask, int number) {
  std::ifstream status(fmt::format("/proc/{}/status", pid));
  for (std::string word; status >> word;) {
    uint64_t signals = 0;
    if (word == mask && status >> std::hex >> signals) return signals >> (number - 1) & 1;
  }
  return false;
}

bool runs_as_rank(pid_t pid) {
  std::error_code gone;
  return pid > 0 &&
         std::filesystem::read_symlink(fmt::format("/proc/{}/exe", pid), gone) == TEMPER_FAKE_RANK;
}

// The rank of a supervisor, once it is one; 0 would be this test's whole group.
pid_t started_rank_of(pid_t supervisor) {
  EXPECT_TRUE(wait_until([&] { return runs_as_rank(child_of(supervisor)); }));
  return child_of(supervisor);
}

pid_t ready_rank_of(pid_t supervisor) {
  const pid_t rank = started_rank_of(supervisor);
  EXPECT_TRUE(wait_until([&] { return has_signal(rank, "SigCgt:", SIGUSR1); }));
  return rank;
}

// Returns when the supervisor has taken it.
void send(pid_t supervisor, int number) {
  kill(supervisor, number);
  EXPECT_TRUE(wait_until([&] { return !has_signal(supervisor, "ShdPnd:", number); }));
}

TEST(Supervise, passes_the_exit_code_on) {
  EXPECT_EQ(supervise(fake_rank("0"), kTraining).status.shell_code(), 0);
  EXPECT_EQ(supervise(fake_rank("2"), kTraining).status.shell_code(), 2);
}

TEST(Supervise, missing_program_is_an_error) {
  RankLaunch launch;
  launch.command = {"/nowhere/temper-rank"};
  EXPECT_THROW(supervise(launch, kTraining), SystemError);
}

TEST(Supervise, every_polite_signal_becomes_a_request_to_stop) {
  for (const int number : {SIGTERM, SIGINT, SIGUSR1, SIGHUP}) {
    const pid_t pid = supervise_apart(fake_rank("stop"));
    ready_rank_of(pid);
    kill(pid, number);
    EXPECT_EQ(exit_code_of(pid), 75) << strsignal(number);
  }
}

TEST(Supervise, request_that_comes_while_ranks_start_up_is_not_lost) {
  const TemporaryDirectory directory;
  const pid_t pid = supervise_apart(fake_rank("stop", directory / "ready"));
  started_rank_of(pid);
  send(pid, SIGTERM);
  directory.write("ready", "");
  EXPECT_EQ(exit_code_of(pid), 75);
}

TEST(Supervise, request_waits_until_the_ranks_can_take_it) {
  // USR1 would kill this rank before it is ready: mpirun does not pass on that it is ignored.
  const TemporaryDirectory directory;
  Supervision supervision = kTraining;
  supervision.is_ready = [] { return has_signal(child_of(getpid()), "SigCgt:", SIGUSR1); };
  const pid_t pid = supervise_apart(fake_rank("fragile", directory / "ready"), supervision);
  started_rank_of(pid);
  send(pid, SIGTERM);
  directory.write("ready", "");
  EXPECT_EQ(exit_code_of(pid), 75);
}

TEST(Supervise, job_that_does_not_stop_by_itself_is_ended) {
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) {
    const pid_t pid = supervise_apart(fake_rank("deaf"), {});
    started_rank_of(pid);
    kill(pid, number);
    EXPECT_EQ(exit_code_of(pid), 128 + (number == SIGINT ? SIGINT : SIGTERM)) << strsignal(number);
  }
}

TEST(Supervise, term_to_all_processes_leaves_mpirun_to_wait_for_its_ranks) {
  const pid_t pid = supervise_apart(fake_mpirun("stop"));
  const pid_t mpirun = ready_rank_of(pid);
  ASSERT_GT(mpirun, 0);
  kill(mpirun, SIGTERM);
  EXPECT_TRUE(has_signal(mpirun, "ShdPnd:", SIGTERM));  // and never taken
  kill(pid, SIGTERM);
  EXPECT_EQ(exit_code_of(pid), 75);
}

TEST(Supervise, second_interrupt_ends_the_ranks) {
  for (const auto& [launch, number] :
       {std::pair(fake_rank("deaf"), SIGKILL), std::pair(fake_mpirun("deaf"), SIGINT)}) {
    const pid_t pid = supervise_apart(launch);
    started_rank_of(pid);
    send(pid, SIGINT);
    kill(pid, SIGINT);
    EXPECT_EQ(exit_code_of(pid), 128 + number);
  }
}

TEST(Supervise, ranks_do_not_outlive_it) {
  for (const RankLaunch& launch : {fake_rank("deaf"), fake_mpirun("deaf")}) {
    const pid_t pid = supervise_apart(launch);
    const pid_t rank = started_rank_of(pid);
    ASSERT_GT(rank, 0);
    ASSERT_TRUE(is_running(rank));
    kill(pid, SIGKILL);
    wait_for_process(pid);
    EXPECT_TRUE(wait_until([&] { return !is_running(rank); }));
  }
}

}  // namespace
}  // namespace temper
