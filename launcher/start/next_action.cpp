#include "launcher/start/next_action.h"

#include <algorithm>
#include <csignal>
#include <cstring>

#include "common/error.h"

namespace temper {
namespace {

// Counts one more, from 0 after progress; false when that is too many.
bool count(int64_t& in_a_row, int64_t& total, int64_t limit, bool progress) {
  if (limit == 0) return false;
  in_a_row = progress ? 0 : in_a_row + 1;
  if (in_a_row > limit) return false;
  ++total;
  return true;
}

NextStep requeue(const RanksEnd& end, const SlurmConfig& slurm, JobRecord& record, bool progress) {
  if (count(record.requeues, record.total_requeues, slurm.max_requeues, progress)) {
    return {NextAction::kRequeue,
            fmt::format("the job goes back into the queue, with a checkpoint of step {}",
                        end.checkpoint_step)};
  }
  if (slurm.max_requeues == 0) return {NextAction::kEnd, "max_requeues is 0: not queued again"};
  return {NextAction::kEnd,
          fmt::format("queued again {} times in a row without a new checkpoint (max_requeues): the "
                      "time limit may be too short to start, take a step and save",
                      slurm.max_requeues)};
}

NextStep after_crash(const RanksEnd& end, const SlurmConfig& slurm, JobRecord& record,
                     bool progress) {
  record.last_failure = end.failure;
  if (!count(record.restarts, record.total_restarts, slurm.max_restarts, progress)) {
    return {NextAction::kEnd,
            fmt::format("not started again: {} crashes in a row without a new checkpoint are "
                        "allowed (max_restarts)",
                        slurm.max_restarts)};
  }
  if (slurm.exclude_failed_nodes && !end.failed_node.empty()) {
    auto& nodes = record.failed_nodes;
    if (std::find(nodes.begin(), nodes.end(), end.failed_node) == nodes.end()) {
      nodes.push_back(end.failed_node);
    }
    return {NextAction::kSuccessor,
            fmt::format("the run goes on in a further job, without {}", end.failed_node)};
  }
  return {NextAction::kRestart,
          end.checkpoint_step < 0
              ? "starting again from the beginning"
              : fmt::format("starting again from the checkpoint of step {}", end.checkpoint_step)};
}

}  // namespace

NextStep decide_next(const RanksEnd& end, const SlurmConfig& slurm, JobRecord& record) {
  const bool progress = end.checkpoint_step > record.progress_step;
  if (progress) {
    record.progress_step = end.checkpoint_step;
    record.requeues = record.restarts = 0;
  }
  const bool stopped = end.exit_code == kExitStopped;
  const bool failed = end.exit_code == kExitFailed || end.exit_code == kExitStalled;
  const bool crashed = failed && end.has_begun;
  if (!stopped && !crashed) return {};
  if (end.stop_signal != 0 && end.stop_signal != SIGUSR1) {
    return {NextAction::kEnd, fmt::format("stopped by signal {} ({}): not queued again",
                                          end.stop_signal, strsignal(end.stop_signal))};
  }
  if (stopped || end.stop_signal == SIGUSR1) return requeue(end, slurm, record, progress);
  return after_crash(end, slurm, record, progress);
}

}  // namespace temper
