// A rank that dies or stops in whatever it does: the job ends in time, one line says which rank it
// was, the run's status says so, too, and nothing is left.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <map>
#include <set>

#include "common/error.h"
#include "io/atomic_file.h"
#include "tests/fixtures/names.h"
#include "tests/fixtures/wait_until.h"
#include "training_fixture.h"

namespace temper {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using ::testing::Not;

constexpr int kStallTimeout = 2;

struct EndedJob {
  int exit_code = 0;
  std::string err;
  double seconds = 0;  // from the fault, as far as the metrics tell, to the end
};

class StallTest : public TrainingFixture {
 protected:
  StallTest() {
    fs::create_directories(folder() / "tmp");
    write_yaml(fmt::format("max_steps: 6\nsave_steps: 2\nstall_timeout: {}\n", kStallTimeout));
  }

  // Runs to the end on ranks that fail as told. What is left of it afterwards is a failure.
  EndedJob train_with(const std::string& faults, int num_ranks,
                      std::map<std::string, std::string> environment = {}) {
    environment["TEMPER_RANK"] = TEMPER_RANK_FAULTS;
    environment["TEMPER_FAULT_POINTS"] = faults;
    environment["TMPDIR"] = (folder() / "tmp").string();
    const pid_t temper = start_temper("job", train_arguments("out", num_ranks, {}), environment);
    std::set<pid_t> processes;
    std::set<fs::path> segments;
    const auto start = Clock::now();
    const auto has_ended = [&] {
      for (const pid_t mpirun : children_of(temper)) {
        processes.insert(mpirun);
        for (const pid_t rank : children_of(mpirun)) {
          processes.insert(rank);
          segments.merge(shared_segments_of(rank));
        }
      }
      return !is_running(temper);
    };
    EXPECT_TRUE(wait_until(has_ended)) << "a hang";
    if (is_running(temper)) kill(temper, SIGKILL);
    EndedJob job;
    job.exit_code = wait_for_process(temper).shell_code();
    job.seconds = std::chrono::duration<double>(Clock::now() - start).count();
    job.err = read("job.err");
    EXPECT_TRUE(
        wait_until([&] { return std::none_of(processes.begin(), processes.end(), is_running); }));
    for (const pid_t process : processes) EXPECT_FALSE(is_running(process)) << "left: " << process;
    for (const fs::path& segment : segments) EXPECT_FALSE(fs::exists(segment)) << segment;
    for (const auto& entry : fs::recursive_directory_iterator(folder() / "tmp")) {
      EXPECT_TRUE(entry.is_directory()) << entry.path();
    }
    return job;
  }

  static int count_lines_with(const std::string& text, const std::string& what) {
    std::istringstream lines(text);
    int count = 0;
    for (std::string line; std::getline(lines, line);) count += line.find(what) != line.npos;
    return count;
  }
};

struct Fault {
  const char* place;
  int64_t step;
  const char* where;  // in the message
};

std::string fault_name(const testing::TestParamInfo<std::tuple<Fault, const char*, int>>& info) {
  const auto& [fault, action, ranks] = info.param;
  return fmt::format("{}_in_{}_on_{}", action, fault.place, ranks);
}

class LostRank : public StallTest,
                 public testing::WithParamInterface<std::tuple<Fault, const char*, int>> {};

TEST_P(LostRank, ends_the_job_and_is_named) {
  const auto& [fault, action, num_ranks] = GetParam();
  const bool dies = std::string(action) == "kill";
  const EndedJob job = train_with(
      fmt::format("rank=1,at={},step={},action={}", fault.place, fault.step, action), num_ranks);
  SCOPED_TRACE(job.err);
  EXPECT_EQ(count_lines_with(job.err, "rank 1 on "), 1);
  EXPECT_THAT(job.err, names(dies ? "died" : "stuck", fault.where));
  fmt::print("{} of a rank at {}, {} ranks: the job ended after {:.1f} s, start included\n", action,
             fault.place, num_ranks, job.seconds);
  const Json status = temper_json({"status", "out", "--json"});
  if (std::string(fault.place) == "exit") {
    // All was done.
    EXPECT_EQ(job.exit_code, 0);
    EXPECT_EQ(status["state"], "finished");
    return;
  }
  EXPECT_EQ(job.exit_code, dies ? 1 : 76);
  EXPECT_EQ(status["state"], "failed");
  EXPECT_THAT(status["error"].get<std::string>(), names("rank 1 on "));
  // The line of the rank that saw it is all that needs to be said.
  EXPECT_EQ(count_lines_with(job.err, "error"), 1);
}

INSTANTIATE_TEST_SUITE_P(
    Phases, LostRank,
    testing::Combine(testing::Values(Fault{"load", 0, "(load), outside of any collective"},
                                     Fault{"forward", 3, "at step 3, outside of any collective"},
                                     Fault{"reduce", 3, "at step 3, in reduce_scatter"},
                                     Fault{"save", 4, "at step 4 (checkpoint)"},
                                     Fault{"exit", 6, "at step 6 (exit)"}),
                     testing::Values("kill", "stop"), testing::Values(2, 4)),
    fault_name);

// It runs and gets nowhere: a read that never returns.
TEST_F(StallTest, rank_that_sleeps_is_named_and_those_that_wait_are_not) {
  const EndedJob job = train_with("rank=0,at=forward,step=3,action=hang", 2);
  EXPECT_EQ(job.exit_code, 76) << job.err;
  EXPECT_THAT(job.err, names("rank 0 on ", "step 3", "outside of any collective"));
  EXPECT_THAT(job.err, names("sleeps", "stall_timeout: 2 s"));
  EXPECT_EQ(count_lines_with(job.err, "error"), 1);
}

TEST_F(StallTest, only_rank_is_watched_too) {
  const EndedJob job = train_with("at=forward,step=3,action=hang", 1);
  EXPECT_EQ(job.exit_code, 76) << job.err;
  EXPECT_THAT(job.err, names("rank 0 on "));
  EXPECT_EQ(temper_json({"status", "out", "--json"})["state"], "failed");
}

// In a batch job a stall is like a crash. The variables are all of Slurm that is needed.
TEST_F(StallTest, batch_job_goes_on_from_the_last_checkpoint) {
  const auto first_time_only =
      write("rank",
            "#!/bin/sh\nif [ $OMPI_COMM_WORLD_RANK = 1 ] && mkdir stalled 2>/dev/null; then\n"
            "  export TEMPER_FAULT_POINTS=rank=1,at=forward,step=5,action=hang\nfi\n"
            "exec " TEMPER_RANK_FAULTS " \"$@\"\n");
  fs::permissions(first_time_only, fs::perms::owner_all);
  const ProgramRun run = temper(train_arguments("out", 2, {"--requeue", "--launcher", "mpirun"}),
                                "", {{"TEMPER_RANK", first_time_only}, {"SLURM_JOB_ID", "7"}});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.err, names("checkpoint of step "));
  const Json record = parse_json(read("out/job.json"), "job.json");
  EXPECT_EQ(record["total_restarts"], 1);
  EXPECT_THAT(record["last_failure"].get<std::string>(), names("stuck", "step 5"));
  ASSERT_EQ(train("undisturbed", 2).exit_code, 0);
  EXPECT_EQ(latest("out")["state_hash"], latest("undisturbed")["state_hash"]);
}

// Two nodes of one rank each: who waits knows only what for, and gives the other node its time.
TEST_F(StallTest, ranks_of_another_node_leave_the_word_to_the_one_that_knows) {
  const std::map<std::string, std::string> two_nodes = {{"TEMPER_TEST_RANKS_PER_NODE", "1"}};
  const EndedJob hanging = train_with("rank=1,at=forward,step=3,action=hang", 2, two_nodes);
  EXPECT_EQ(hanging.exit_code, 76) << hanging.err;
  EXPECT_EQ(count_lines_with(hanging.err, "error"), 1);
  EXPECT_THAT(hanging.err, names("rank 1 on "));
  // A node that does not run at all says nothing.
  const EndedJob stopped = train_with("rank=1,at=forward,step=3,action=stop", 2, two_nodes);
  EXPECT_EQ(stopped.exit_code, 76) << stopped.err;
  EXPECT_EQ(count_lines_with(stopped.err, "error"), 1);
  EXPECT_THAT(stopped.err, names("rank 0 on ", "step 3", "another node"));
}

TEST_F(StallTest, job_that_is_suspended_as_a_whole_goes_on) {
  write_yaml(fmt::format("max_steps: 100000\nstall_timeout: {}\n", kStallTimeout));
  const pid_t pid = start_temper("job", train_arguments("out", 2, {}));
  wait_for_step("out", 2);
  const std::vector<pid_t> ranks = ranks_of(pid);
  ASSERT_EQ(ranks.size(), 2u);
  for (const pid_t rank : ranks) kill(rank, SIGSTOP);
  let_pass(std::chrono::seconds(2 * kStallTimeout));
  for (const pid_t rank : ranks) kill(rank, SIGCONT);
  const int64_t step = metrics_step("out");
  wait_for_step("out", step + 3);
  kill(pid, SIGTERM);
  EXPECT_EQ(wait_for_process(pid).shell_code(), 75) << read("job.err");
  EXPECT_THAT(read("job.err"), Not(names("stuck")));
}

TEST_F(StallTest, rank_in_a_debugger_is_no_stall) {
  write_yaml(fmt::format("max_steps: 100000\nstall_timeout: {}\n", kStallTimeout));
  const pid_t pid = start_temper("job", train_arguments("out", 2, {}));
  wait_for_step("out", 2);
  const std::vector<pid_t> ranks = ranks_of(pid);
  ASSERT_EQ(ranks.size(), 2u);
  ASSERT_EQ(ptrace(PTRACE_SEIZE, ranks[1], nullptr, nullptr), 0) << errno_text(errno);
  ASSERT_EQ(ptrace(PTRACE_INTERRUPT, ranks[1], nullptr, nullptr), 0) << errno_text(errno);
  // More than the limit of a rank that is found in a collective.
  let_pass(std::chrono::seconds(kStallTimeout + 7));
  EXPECT_TRUE(is_running(pid)) << read("job.err");
  waitpid(ranks[1], nullptr, __WALL);
  EXPECT_EQ(ptrace(PTRACE_DETACH, ranks[1], nullptr, nullptr), 0) << errno_text(errno);
  wait_for_step("out", metrics_step("out") + 3);
  kill(pid, SIGTERM);
  EXPECT_EQ(wait_for_process(pid).shell_code(), 75) << read("job.err");
}

TEST_F(StallTest, slow_disk_is_no_stall) {
  // The calls of a rank's file take more than the limit together, and so do those of the commit.
  const ProgramRun run =
      temper(train_arguments("out", 2, {"--set", "save_steps=0", "--set", "max_steps=1"}), "",
             {{"TEMPER_RANK", TEMPER_RANK_FAULTS}, {"TEMPER_FAULTS", "match=step-,delay_ms=300"}});
  EXPECT_EQ(run.exit_code, 0) << run.err;
}

}  // namespace
}  // namespace temper
