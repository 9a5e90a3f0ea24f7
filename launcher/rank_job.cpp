#include "launcher/rank_job.h"

#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <thread>

#include "common/error.h"
#include "common/exit_stalled.h"
#include "common/log.h"
#include "launcher/run_outcome.h"
#include "launcher/supervise.h"
#include "run/run_directory.h"
#include "run/run_lock.h"
#include "run/status.h"

namespace temper {
namespace {

std::optional<RunStatus> status_of(const RankJob& job) {
  if (!job.run_directory) return std::nullopt;
  try {
    return read_run_status(RunDirectory(*job.run_directory).status_path());
  } catch (const Error&) {
    // A damaged status says nothing; the ranks' own exit code is left.
    return std::nullopt;
  }
}

bool is_fresh(const std::optional<RunStatus>& before, const std::optional<RunStatus>& after) {
  return after && (!before || before->attempt != after->attempt);
}

// A rank that was killed can't say so. Whoever holds the lock still lives, and is another job's.
void record_end(const RankJob& job, RunStatus status, const std::string& reason) {
  if (has_ended(status.state)) return;
  const RunDirectory run(*job.run_directory);
  // mpirun may end a moment before the ranks that it has killed.
  for (int i = 0; probe_run_lock(run.lock_path()) == LockState::kHeld; ++i) {
    if (i == 50) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  status.state = RunState::kFailed;
  if (status.error.empty()) status.error = reason;
  try {
    write_run_status(run.status_path(), status);
  } catch (const Error& error) {
    log::warning("the run's end could not be recorded: {}", error.what());
  }
}

// What a user can type to see the starter's own messages.
std::string shown_command(const RankLaunch& launch) {
  std::string text;
  for (const std::string& word : launch.command) {
    if (word == "--quiet") continue;
    text += (text.empty() ? "" : " ") + word;
  }
  return text;
}

}  // namespace

int run_rank_job(const RankJob& job) {
  std::vector<std::string> command = {find_rank_program().string()};
  command.insert(command.end(), job.arguments.begin(), job.arguments.end());
  const RankLaunch launch =
      plan_launch(read_launch_environment(), job.launcher, job.num_ranks, command);
  if (find_program(launch.command[0]).empty()) {
    throw SystemError("{} is not on the PATH: load the modules that temper was built with",
                      launch.command[0]);
  }
  // Ranks write into a pipe: only this process can tell that a person is watching.
  if (isatty(STDERR_FILENO) != 0) setenv("TEMPER_LIVE_BAR", "1", 0);

  const std::optional<RunStatus> before = status_of(job);
  Supervision supervision;
  supervision.stops_by_itself = job.run_directory.has_value();
  supervision.is_ready = [&] { return is_fresh(before, status_of(job)); };
  const ExitStatus ended = supervise(launch, supervision);
  const std::optional<RunStatus> after = status_of(job);
  const RunOutcome outcome = judge_outcome(ended, before, after);
  const bool has_failed = outcome.exit_code == kExitFailed || outcome.exit_code == kExitStalled;
  if (is_fresh(before, after) && has_failed) {
    record_end(job, *after, outcome.message.empty() ? "a rank failed" : outcome.message);
  }
  if (outcome.message.empty()) return outcome.exit_code;
  if (outcome.exit_code == kExitDone) {
    log::warning("{}", outcome.message);
  } else {
    log::error("{}; started with: {}", outcome.message, shown_command(launch));
  }
  return outcome.exit_code;
}

}  // namespace temper
