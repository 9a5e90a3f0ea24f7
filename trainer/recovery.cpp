// Trainer's ways back: onto a checkpoint when it starts, and when a step must not be taken as it is
// (trainer/anomaly_guard.h).
#include <algorithm>
#include <cmath>
#include <filesystem>

#include "comm/agreement.h"
#include "comm/watch/heartbeat.h"
#include "common/error.h"
#include "common/log.h"
#include "trainer/startup/device.h"
#include "trainer/trainer.h"

namespace temper {
namespace {

using Action = StepVerdict::Action;

constexpr int64_t kMaxNamedRows = 8;

const char* action_name(Action action) {
  switch (action) {
    case Action::kApply:
      return "none";
    case Action::kSkip:
      return "skip";
    case Action::kRollback:
      return "rollback";
    case Action::kStop:
      break;
  }
  return "stop";
}

// The first micro-batch whose loss is not finite, or else the one with the highest.
int64_t find_worst_micro_batch(const std::vector<double>& losses) {
  const auto worse = [](double a, double b) { return std::isfinite(b) ? a < b : std::isfinite(a); };
  return std::max_element(losses.begin(), losses.end(), worse) - losses.begin();
}

}  // namespace

void Trainer::restore(const RestoredCheckpoint& restored) {
  const CommitRecord& record = restored.record;
  step_ = record.step;
  rows_consumed_ = record.rows_consumed;
  guard_.go_back_to(record, restored.path);
  std::error_code ignored;
  const bool is_ours =
      std::filesystem::equivalent(restored.path, directory_.checkpoint_path(step_), ignored);
  if (is_ours) checkpointer_->set_last_saved_step(step_);
  if (record.cpu_kernels != device_.level) {
    log::warning(
        "the checkpoint was written on {}; this is {}: the run continues, but its bits may differ "
        "from an uninterrupted one's",
        record.cpu_kernels, device_.level);
  }
}

StepVerdict Trainer::judge_step(const StepReport& report, const std::vector<double>& losses) {
  const RowRange rows{rows_consumed_, rows_consumed_ + config_.global_batch_size};
  StepVerdict verdict = guard_.judge({rows, report.loss, report.grad_norm});
  if (verdict.problem.empty()) return verdict;
  const int64_t micro_batch = find_worst_micro_batch(losses);
  const int64_t rank = micro_batch % group_.size();
  const RowRange its_rows{rows.begin + micro_batch * config_.micro_batch_size,
                          rows.begin + (micro_batch + 1) * config_.micro_batch_size};
  Json data = Json::array();
  std::string names;
  for (int64_t row = its_rows.begin; row < std::min(its_rows.end, its_rows.begin + kMaxNamedRows);
       ++row) {
    const TrainingData::RowLocation location = setup_.data->location_of(row);
    data.push_back({location.dataset.string(), location.row});
    names += fmt::format("{}{} of {}", names.empty() ? "" : ", ", location.row,
                         location.dataset.filename().string());
  }
  if (is_leader()) {
    progress_->end_bar();
    progress_->event("bad_step", {{"step", report.step},
                                  {"problem", verdict.problem},
                                  {"action", action_name(verdict.action)},
                                  {"rows", {verdict.rows.begin, verdict.rows.end}},
                                  {"micro_batch", micro_batch},
                                  {"rank", rank},
                                  {"data", data}});
  }
  const std::string text = fmt::format(
      "step {}: {} (worst loss: micro-batch {} of rank {}, row{} {})", report.step, verdict.problem,
      micro_batch, rank, its_rows.end - its_rows.begin == 1 ? "" : "s", names);
  if (verdict.action == Action::kStop) {
    checkpointer_->wait_ignoring_failure();  // so that what is said of the last checkpoint is true
    throw AgreedError(
        fmt::format("{}; nothing was updated. {}; lower learning_rate, look at those rows, or see "
                    "on_non_finite and on_spike",
                    text, last_checkpoint_text()),
        kExitFailed);
  }
  if (verdict.action == Action::kApply) log::warning("{}", text);
  if (verdict.action == Action::kSkip) log::warning("{}; the update is skipped", text);
  if (verdict.action == Action::kRollback) {
    log::warning("{}; rollback {} of at most {}, leaving out rows {} to {} of the run", text,
                 guard_.num_rollbacks(), config_.max_rollbacks, verdict.rows.begin,
                 verdict.rows.end - 1);
  }
  return verdict;
}

// To the newest checkpoint that has seen none of the rows at fault. Which one that is depends on
// when saves came; what follows does not: from any of them the same steps lead here again.
void Trainer::roll_back(const RowRange& rows) {
  checkpointer_->wait();
  Json checkpoints = Json::array();
  run_agreed(group_, [&] {
    if (!is_leader()) return;
    for (const CheckpointStatus& status : directory_.checkpoints()) {
      const bool usable = status.complete && status.record->run_id == setup_.identity.run_id &&
                          status.step <= step_ && status.record->rows_consumed <= rows.begin;
      if (usable) checkpoints.push_back(status.path.string());
    }
  });
  const Json chosen =
      parse_json(group_.all_gather_text(checkpoints.dump()).front(), "chosen checkpoints");
  if (!chosen.empty()) {
    restore_again(chosen);
  } else if (rows.begin != rows_consumed_) {
    throw AgreedError(
        fmt::format("there is no checkpoint from before row {} of the run to go back to; set "
                    "save_steps or save_minutes lower",
                    rows.begin),
        kExitFailed);
  }
  // Without a checkpoint: the weights have not seen these rows yet.
  log::info("going on after step {}", step_);
  if (is_leader()) {
    progress_->event("rollback", {{"step", step_}, {"rows", {rows.begin, rows.end}}});
  }
  write_status(RunState::kTraining);
}

void Trainer::restore_again(const std::vector<std::string>& checkpoints) {
  const PhaseScope phase(RankPhase::kLoad);
  const RestoredCheckpoint restored = restore_first_intact(checkpoints, *model_);
  restore(restored);
  validator_.go_back_to(step_);
  run_agreed(group_, [&] {
    if (!is_leader()) return;
    // Later ones hold what is being left out.
    set_aside_later(directory_, attempt_, restored.path, step_);
    directory_.point_latest_to(step_);
  });
}

}  // namespace temper
