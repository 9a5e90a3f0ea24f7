// The exit code of a job from how its starter ended and what the run says of itself. Pure.
#pragma once

#include <optional>
#include <string>

#include "launcher/ranks/process.h"
#include "run/status.h"

namespace temper {

struct RunOutcome {
  int exit_code = 0;
  // What to tell the user where the ranks themselves may not have been able to; empty otherwise.
  std::string message;
};

// `before` and `after` are the run's status before the ranks started and after they ended (none for
// jobs that keep no status). Starters pass on the code of the first rank that ended badly, which is
// ours when the rank chose it; when it is not one of ours, the status of this attempt decides.
RunOutcome judge_outcome(const ExitStatus& ended, const std::optional<RunStatus>& before,
                         const std::optional<RunStatus>& after);

}  // namespace temper
