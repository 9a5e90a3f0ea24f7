#include "launcher/rank_job.h"

#include <unistd.h>

#include <cstdlib>

#include "common/error.h"
#include "common/log.h"
#include "launcher/run_outcome.h"
#include "launcher/supervise.h"
#include "run/status.h"

namespace temper {
namespace {

std::optional<RunStatus> status_of(const RankJob& job) {
  if (!job.status_path) return std::nullopt;
  try {
    return read_run_status(*job.status_path);
  } catch (const Error&) {
    // A damaged status says nothing; the ranks' own exit code is left.
    return std::nullopt;
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
  const ExitStatus ended = supervise(launch);
  const RunOutcome outcome = judge_outcome(ended, before, status_of(job));
  if (outcome.message.empty()) return outcome.exit_code;
  if (outcome.exit_code == kExitDone) {
    log::warning("{}", outcome.message);
  } else {
    log::error("{}; started with: {}", outcome.message, shown_command(launch));
  }
  return outcome.exit_code;
}

}  // namespace temper
