#include "launcher/start/start_ranks.h"

#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <thread>

#include "common/error.h"
#include "common/log.h"
#include "launcher/ranks/run_outcome.h"
#include "launcher/ranks/supervise.h"
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

std::string shown_command(const RankLaunch& launch) {
  std::string text;
  for (const std::string& word : launch.command) {
    text += (text.empty() ? "" : " ") + word;
  }
  return text;
}

}  // namespace

RanksEnd run_ranks(const RankJob& job) {
  const RankLaunch& launch = job.launch;
  if (!launch.reason.empty()) log::info("{}", launch.reason);
  if (launch.allocated_tasks > 0 && launch.num_ranks != launch.allocated_tasks) {
    log::warning("{} ranks, but the allocation has {} tasks", launch.num_ranks,
                 launch.allocated_tasks);
  }
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
  const SupervisedEnd ended = supervise(launch, supervision);
  const std::optional<RunStatus> after = status_of(job);
  RunOutcome outcome = judge_outcome(ended.status, before, after);
  const bool has_failed = outcome.exit_code == kExitFailed || outcome.exit_code == kExitStalled;
  // Which rank was the first, and on what node, the starter knows; it is said unless a rank has.
  const bool has_been_said = is_fresh(before, after) && !after->error.empty();
  if (ended.first_failure && has_failed && !has_been_said &&
      (!outcome.message.empty() || ended.first_failure->was_killed)) {
    outcome.message = ended.first_failure->text();
  }
  RanksEnd end;
  end.exit_code = outcome.exit_code;
  end.stop_signal = ended.stop_signal;
  if (is_fresh(before, after)) {
    end.has_begun = true;
    const auto newest = RunDirectory(*job.run_directory).latest_complete();
    if (newest) end.checkpoint_step = newest->step;
    if (has_failed) {
      end.failure = outcome.message.empty() ? "a rank failed" : outcome.message;
      // Of a stall the starter sees who ended the job, which need not be who was at fault.
      const bool stalled = outcome.exit_code == kExitStalled;
      if (ended.first_failure && !stalled) end.failed_node = ended.first_failure->node;
      record_end(job, *after, end.failure);
      if (!after->error.empty()) end.failure = after->error;
    }
  }
  if (outcome.message.empty()) return end;
  if (outcome.exit_code == kExitDone) {
    log::warning("{}", outcome.message);
  } else {
    log::error("{}; started with: {}", outcome.message, shown_command(launch));
  }
  return end;
}

}  // namespace temper
