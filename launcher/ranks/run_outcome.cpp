#include "launcher/ranks/run_outcome.h"

#include <cstring>

#include "common/error.h"

namespace temper {
namespace {

std::string describe(const ExitStatus& ended) {
  const int signal = ended.signal != 0 ? ended.signal : ended.code - 128;
  if (signal <= 0 || signal > 64) return fmt::format("code {}", ended.code);
  return fmt::format("signal {} ({})", signal, strsignal(signal));
}

}  // namespace

RunOutcome judge_outcome(const ExitStatus& ended, const std::optional<RunStatus>& before,
                         const std::optional<RunStatus>& after) {
  const bool chosen =
      ended.signal == 0 && (ended.code == kExitDone || ended.code == kExitFailed ||
                            ended.code == kExitUserError || ended.code == kExitStopped);
  const bool fresh = after && (!before || before->attempt != after->attempt);
  if (chosen && ended.code != kExitFailed) return {ended.code, ""};
  if (fresh && after->state == RunState::kStopped) return {kExitStopped, ""};
  if (fresh && after->state == RunState::kFinished) {
    return {kExitDone,
            fmt::format("the run is complete, but its ranks ended with {}", describe(ended))};
  }
  if (ended.signal == 0 && ended.code == kExitStalled) return {kExitStalled, ""};
  // A rank that failed by itself has said why, and so has whoever saw another die.
  if (chosen || (fresh && after->state == RunState::kFailed)) return {kExitFailed, ""};
  return {kExitFailed, fmt::format("a rank ended with {}", describe(ended))};
}

}  // namespace temper
