#include "trainer/checkpointer.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <chrono>
#include <filesystem>

#include "comm/watch/heartbeat.h"
#include "common/error.h"
#include "common/fault_points.h"
#include "common/log.h"
#include "common/stop_signal.h"

namespace temper {
namespace {

using Clock = std::chrono::steady_clock;

// Set before main: the time limit counts from the start of the process.
const Clock::time_point kProcessStart = Clock::now();

double process_seconds() {
  return std::chrono::duration<double>(Clock::now() - kProcessStart).count();
}

// The speed of a slow network file system, assumed until a save has been measured.
constexpr double kAssumedBytesPerSecond = 100e6;

enum StopReason : int64_t { kNoStop, kTimeIsUp, kSignal };

}  // namespace

bool is_save_due(double save_minutes, double seconds_since_save, double step_seconds,
                 bool is_evaluated) {
  const double interval = 60.0 * save_minutes;
  if (interval <= 0.0) return false;
  return seconds_since_save + step_seconds / 2 >= interval ||
         (is_evaluated && seconds_since_save >= interval / 2);
}

Checkpointer::Checkpointer(ShardedModel& model, const RunConfig& config,
                           const OwnedRunDirectory& directory, OnEnd on_end)
    : group_(model.mesh().world()),
      config_(config),
      directory_(directory),
      on_end_(std::move(on_end)),
      saver_(model, directory),
      last_save_(process_seconds()) {}

bool Checkpointer::is_requested() const {
  std::error_code ignored;
  return std::filesystem::exists(directory_.save_request_path(), ignored);
}

bool Checkpointer::is_time_up() const {
  if (config_.max_wall_time == 0) return false;
  double save = longest_save_seconds_;
  if (save < 0) save = static_cast<double>(saver_.size_bytes()) / kAssumedBytesPerSecond;
  if (saver_.is_active()) save *= 2;  // that one comes first
  // A second to end; steps and saves may take half as long again as they did.
  const double needed = 1.0 + 1.5 * (longest_step_seconds_ + save);
  return process_seconds() + needed > static_cast<double>(config_.max_wall_time);
}

void Checkpointer::expect_saves() {
  if (config_.async_save) saver_.prepare();
}

StepDecision Checkpointer::agree(int64_t step, bool is_evaluated) {
  const double now = process_seconds();
  const double step_seconds = last_boundary_ < 0 ? 0.0 : now - last_boundary_;
  longest_step_seconds_ = std::max(longest_step_seconds_, step_seconds);
  last_boundary_ = now;
  int64_t reason = kNoStop;
  if (is_leader() && is_time_up()) reason = kTimeIsUp;
  if (stop_signal_received() != 0) reason = kSignal;
  const bool waits = saver_.is_active() && !saver_.is_ready();
  const bool is_due =
      is_save_due(config_.save_minutes, now - last_save_, step_seconds, is_evaluated);
  const bool asked = is_leader() && !saver_.is_active() && (is_due || is_requested());
  at::Tensor flags =
      at::tensor({reason, static_cast<int64_t>(asked), static_cast<int64_t>(waits)}, at::kLong);
  group_.all_reduce_max(flags);
  const int64_t* agreed = flags.data_ptr<int64_t>();
  if (saver_.is_active() && agreed[2] == 0) {
    if (const auto outcome = saver_.advance()) judge(*outcome);
  }
  if (agreed[0] == kTimeIsUp) {
    log::info(
        "max_wall_time of {} s is nearly used up: stopping with a checkpoint of step {}; run "
        "the same command again to continue",
        config_.max_wall_time, step);
  } else if (agreed[0] == kSignal) {
    log::info("stopping with a checkpoint of step {}; run the same command again to continue",
              step);
  }
  return {agreed[0] != kNoStop, agreed[1] != 0};
}

void Checkpointer::begin(SaveRequest request) {
  const PhaseScope phase(RankPhase::kSave);
  const double start_seconds = process_seconds();
  wait();
  request.waited_seconds = process_seconds() - start_seconds;
  if (last_saved_step_ == request.record.step) {
    if (is_leader() && is_requested()) answer_request(true);
    return;
  }
  start(request, config_.async_save ? CheckpointSaver::Mode::kBackground
                                    : CheckpointSaver::Mode::kForeground);
  // Nothing else is to be waited for.
  if (!config_.async_save) wait();
}

void Checkpointer::complete(const SaveRequest& request) {
  const PhaseScope phase(RankPhase::kSave);
  wait();
  // Twice: what has failed may have been a passing fault, and there is no later save.
  for (int tries = 2; last_saved_step_ != request.record.step; --tries) {
    start(request, CheckpointSaver::Mode::kForeground);
    const SaveOutcome outcome = saver_.finish();
    record(outcome);
    if (outcome.error.empty()) return;
    if (outcome.is_fatal || tries == 1) throw AgreedError(outcome.error, kExitFailed);
    log::warning("the checkpoint of step {} could not be saved: {}; trying once more", outcome.step,
                 outcome.error);
  }
}

void Checkpointer::wait() {
  const PhaseScope phase(RankPhase::kSave);
  if (saver_.is_active()) judge(saver_.finish());
}

void Checkpointer::wait_ignoring_failure() {
  const PhaseScope phase(RankPhase::kSave);
  if (saver_.is_active()) record(saver_.finish());
}

void Checkpointer::start(const SaveRequest& request, CheckpointSaver::Mode mode) {
  answers_request_ = is_leader() && is_requested();
  last_save_ = process_seconds();
  saver_.start(request, mode);
  fault_point("save");
}

void Checkpointer::record(const SaveOutcome& outcome) {
  const bool saved = outcome.error.empty();
  if (saved) {
    last_saved_step_ = outcome.step;
    // The total time would mislead: in the background a save waits for steps to end.
    longest_save_seconds_ =
        std::max(longest_save_seconds_, outcome.stall_seconds + outcome.write_seconds);
  }
  if (answers_request_) answer_request(saved);
  on_end_(outcome);
}

void Checkpointer::judge(const SaveOutcome& outcome) {
  record(outcome);
  if (outcome.error.empty()) return;
  if (outcome.is_fatal || config_.on_save_error == SaveErrorPolicy::kStop) {
    throw AgreedError(outcome.error, kExitFailed);
  }
  if (!is_leader()) return;
  const std::string last = last_saved_step_ < 0
                               ? "There is none yet"
                               : fmt::format("The last one is of step {}", last_saved_step_);
  log::error(
      "the checkpoint of step {} could not be saved: {}. {}; training goes on "
      "(on_save_error: continue)",
      outcome.step, outcome.error, last);
}

// Whoever asks waits for the file to go away. One that could not be answered gets another name, so
// that it is not tried again after every step.
void Checkpointer::answer_request(bool saved) {
  answers_request_ = false;
  const std::filesystem::path path = directory_.save_request_path();
  std::error_code error;
  if (saved) {
    std::filesystem::remove(path, error);
  } else {
    std::filesystem::rename(path, path.string() + ".failed", error);
  }
  if (error) log::warning("cannot remove {}: {}", path.string(), error.message());
}

}  // namespace temper
