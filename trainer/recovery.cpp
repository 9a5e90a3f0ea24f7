#include "trainer/recovery.h"

#include <algorithm>
#include <cmath>

#include "comm/agreement.h"
#include "comm/watch/heartbeat.h"
#include "common/error.h"
#include "common/log.h"
#include "io/json.h"

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

std::string last_checkpoint_text(int64_t step) {
  return step < 0 ? "There is no checkpoint yet"
                  : fmt::format("The last checkpoint is of step {}", step);
}

}  // namespace

void Recovery::follow(const RestoredCheckpoint& restored, RunPosition& position) {
  const CommitRecord& record = restored.record;
  position.step = record.step;
  position.rows_consumed = record.rows_consumed;
  guard_.go_back_to(record, restored.path);
  if (lies_in(parts_.directory, restored)) parts_.checkpointer.set_last_saved_step(record.step);
  if (record.cpu_kernels != parts_.device.level) {
    log::warning(
        "the checkpoint was written on {}; this is {}: the run continues, but its bits may differ "
        "from an uninterrupted one's",
        record.cpu_kernels, parts_.device.level);
  }
}

StepVerdict Recovery::judge(const StepReport& report, const std::vector<double>& losses,
                            const RunPosition& position) {
  const RunConfig& config = parts_.setup.config;
  const RowRange rows{position.rows_consumed, position.rows_consumed + config.global_batch_size};
  StepVerdict verdict = guard_.judge({rows, report.loss, report.grad_norm});
  if (verdict.problem.empty()) return verdict;
  const int64_t micro_batch = find_worst_micro_batch(losses);
  const int64_t rank = micro_batch % parts_.group.size();
  const RowRange its_rows{rows.begin + micro_batch * config.micro_batch_size,
                          rows.begin + (micro_batch + 1) * config.micro_batch_size};
  Json data = Json::array();
  std::string names;
  for (int64_t row = its_rows.begin; row < std::min(its_rows.end, its_rows.begin + kMaxNamedRows);
       ++row) {
    const TrainingData::RowLocation location = parts_.setup.data->location_of(row);
    data.push_back({location.dataset.string(), location.row});
    names += fmt::format("{}{} of {}", names.empty() ? "" : ", ", location.row,
                         location.dataset.filename().string());
  }
  parts_.reporter.end_bar();
  parts_.reporter.event("bad_step", {{"step", report.step},
                                     {"problem", verdict.problem},
                                     {"action", action_name(verdict.action)},
                                     {"rows", {verdict.rows.begin, verdict.rows.end}},
                                     {"micro_batch", micro_batch},
                                     {"rank", rank},
                                     {"data", data}});
  const std::string text = fmt::format(
      "step {}: {} (worst loss: micro-batch {} of rank {}, row{} {})", report.step, verdict.problem,
      micro_batch, rank, its_rows.end - its_rows.begin == 1 ? "" : "s", names);
  if (verdict.action == Action::kStop) {
    // A save under way may still succeed: only then is the last checkpoint known.
    parts_.checkpointer.wait_ignoring_failure();
    throw AgreedError(
        fmt::format("{}; nothing was updated. {}; lower learning_rate, look at those rows, or see "
                    "on_non_finite and on_spike",
                    text, last_checkpoint_text(parts_.checkpointer.last_saved_step())),
        kExitFailed);
  }
  if (verdict.action == Action::kApply) log::warning("{}", text);
  if (verdict.action == Action::kSkip) log::warning("{}; the update is skipped", text);
  if (verdict.action == Action::kRollback) {
    log::warning("{}; rollback {} of at most {}, leaving out rows {} to {} of the run", text,
                 guard_.num_rollbacks(), config.max_rollbacks, verdict.rows.begin,
                 verdict.rows.end - 1);
  }
  return verdict;
}

std::vector<std::string> Recovery::find_checkpoints_before(const RowRange& rows,
                                                           const RunPosition& position) {
  Json found = Json::array();
  run_agreed(parts_.group, [&] {
    if (!parts_.reporter.is_leader()) return;
    for (const CheckpointStatus& status : parts_.directory.checkpoints()) {
      const bool usable =
          status.complete && status.record->run_id == parts_.setup.identity.run_id &&
          status.step <= position.step && status.record->rows_consumed <= rows.begin;
      if (usable) found.push_back(status.path.string());
    }
  });
  return parse_json(parts_.group.all_gather_text(found.dump()).front(), "chosen checkpoints");
}

// Which checkpoint it goes back to depends on when saves came, and so on the speed of the machine.
// The steps that follow do not: the guard leaves the rows out from now on, and a step computes the
// same bits whenever it is computed, so from any earlier checkpoint the same steps lead here again.
void Recovery::roll_back(const RowRange& rows, RunPosition& position) {
  parts_.checkpointer.wait();
  const std::vector<std::string> checkpoints = find_checkpoints_before(rows, position);
  if (!checkpoints.empty()) {
    restore(checkpoints, position);
  } else if (rows.begin != position.rows_consumed) {
    throw AgreedError(
        fmt::format("there is no checkpoint from before row {} of the run to go back to; set "
                    "save_steps or save_minutes lower",
                    rows.begin),
        kExitFailed);
  }
  // Without a checkpoint the weights have not seen these rows yet: the update was not made.
  parts_.reporter.rolled_back(position.step, rows);
}

void Recovery::restore(const std::vector<std::string>& checkpoints, RunPosition& position) {
  const PhaseScope phase(RankPhase::kLoad);
  const RestoredCheckpoint restored = restore_first_intact(checkpoints, parts_.model);
  follow(restored, position);
  parts_.validator.go_back_to(position.step);
  run_agreed(parts_.group, [&] {
    if (!parts_.reporter.is_leader()) return;
    // Later ones hold what is being left out.
    set_aside_later(parts_.directory, restored);
    parts_.directory.point_latest_to(position.step);
  });
}

Hash128 Recovery::control_hash(const RunPosition& position) const {
  CommitRecord record;
  guard_.write_to(record);
  return hash_text(
      fmt::format("{} {} {}", position.step, position.rows_consumed, record.guard_state));
}

}  // namespace temper
