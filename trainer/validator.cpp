#include "trainer/validator.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "comm/agreement.h"
#include "comm/round_robin.h"
#include "comm/watch/heartbeat.h"
#include "common/cli/work_bar.h"
#include "common/error.h"
#include "common/log.h"
#include "run/recommendation.h"

namespace temper {
namespace {

// The loss over all rows of the dataset, `micro_batch_size` at a time in file order. Rank m mod
// size computes micro-batch m, and the losses are added in micro-batch order, so that the figure
// has the same bits on any number of ranks. Collective.
HeldOutLoss held_out_loss(ShardedModel& model, ProcessGroup& group, const PackedDataset& dataset,
                          int64_t micro_batch_size, WorkBar& bar) {
  const int64_t num_rows = dataset.info().num_rows;
  const int64_t num_micro_batches = (num_rows + micro_batch_size - 1) / micro_batch_size;
  std::vector<double> mine;
  for (int64_t first = 0; first < num_micro_batches; first += group.size()) {
    const int64_t m = first + group.rank();
    std::vector<PackedRow> rows;
    for (int64_t row = m * micro_batch_size; row < std::min((m + 1) * micro_batch_size, num_rows);
         ++row) {
      rows.push_back(dataset.row(row));
    }
    std::optional<Batch> batch;
    if (!rows.empty()) batch = make_batch(make_micro_batch(rows));
    mine.push_back(model.evaluate(batch ? &*batch : nullptr));
    bar.advance(std::min(group.size() * micro_batch_size, num_rows - first * micro_batch_size));
  }
  HeldOutLoss loss;
  for (const double sum : gather_round_robin(group, mine, num_micro_batches)) loss.sum += sum;
  loss.count = dataset.info().num_supervised_targets;
  return loss;
}

}  // namespace

Validator::Validator(const RunSetup& setup, ProcessGroup& group, const RunDirectory& directory,
                     RunReporter& reporter)
    : setup_(setup),
      config_(setup.config),
      group_(group),
      directory_(directory),
      reporter_(reporter),
      early_stopping_(config_.early_stopping_patience) {}

void Validator::restore_history(int64_t last_step) {
  Json losses = {Json::array(), Json::array()};
  run_agreed(group_, [&] {
    if (group_.rank() != 0) return;
    const HeldOutHistory recorded(read_metrics(directory_.metrics_path()),
                                  setup_.test_data_hash.hex(), setup_.general_data_hash.hex());
    losses = {recorded.test(), recorded.general()};
  });
  losses = parse_json(group_.all_gather_text(losses.dump()).front(), "recorded held-out losses");
  for (const Json& entry : losses.at(0)) {
    history_.add_test(entry.at(0).get<int64_t>(), entry.at(1).get<double>());
  }
  for (const Json& entry : losses.at(1)) {
    history_.add_general(entry.at(0).get<int64_t>(), entry.at(1).get<double>());
  }
  go_back_to(last_step);
}

void Validator::go_back_to(int64_t step) {
  const HeldOutHistory all = std::move(history_);
  history_ = {};
  early_stopping_ = EarlyStopping(config_.early_stopping_patience);
  last_evaluated_step_ = -1;
  for (const auto& [evaluated, loss] : all.test()) {
    if (evaluated > step) continue;
    history_.add_test(evaluated, loss);
    early_stopping_.update(evaluated, loss);
  }
  for (const auto& [evaluated, loss] : all.general()) {
    if (evaluated <= step) history_.add_general(evaluated, loss);
  }
}

void Validator::evaluate(ShardedModel& model, int64_t step) {
  if (last_evaluated_step_ == step) return;
  last_evaluated_step_ = step;
  const PhaseScope phase(RankPhase::kEvaluate);
  HeldOutLoss test, general;
  for (size_t i = 0; i < setup_.held_out.size(); ++i) {
    const HeldOutLoss loss = evaluate_set(setup_.held_out[i], model);
    HeldOutLoss& all = static_cast<int64_t>(i) < setup_.num_test_sets ? test : general;
    all.sum += loss.sum;
    all.count += loss.count;
  }
  if (test.count > 0) note_test_loss(test.mean());
  if (general.count > 0) note_general_loss(general.mean());
}

HeldOutLoss Validator::measure(const HeldOutSet& set, ShardedModel& model) {
  reporter_.end_bar();
  WorkBar bar(fmt::format("evaluating {}, rows", set.name), set.dataset.info().num_rows,
              reporter_.is_leader());
  return held_out_loss(model, group_, set.dataset, config_.micro_batch_size, bar);
}

HeldOutLoss Validator::evaluate_set(const HeldOutSet& set, ShardedModel& model) {
  const int64_t step = last_evaluated_step_;
  const HeldOutLoss loss = measure(set, model);
  if (!std::isfinite(loss.sum)) {
    throw AgreedError(fmt::format("the held-out loss over {} at step {} is not finite; lower "
                                  "learning_rate or look at that dataset",
                                  set.name, step),
                      kExitFailed);
  }
  if (!reporter_.is_leader()) return loss;
  log::info("step {}: {} loss {:.4f}, perplexity {:.2f} over {} targets", step, set.name,
            loss.mean(), loss.perplexity(), loss.count);
  reporter_.event("eval", {{"step", step},
                           {"set", set.name},
                           {"loss", loss.mean()},
                           {"loss_sum", loss.sum},
                           {"targets", loss.count},
                           {"bytes", set.num_bytes}});
  return loss;
}

void Validator::note_test_loss(double loss) {
  const int64_t step = last_evaluated_step_;
  history_.add_test(step, loss);
  early_stopping_.update(step, loss);
  reporter_.event("test_loss",
                  {{"step", step}, {"loss", loss}, {"data", setup_.test_data_hash.hex()}});
  if (early_stopping_.should_stop()) {
    log::info(
        "early stopping: the test loss has not improved on {:.4f} (step {}) for {} evaluations",
        early_stopping_.best_loss(), early_stopping_.best_step(),
        early_stopping_.evaluations_since_best());
  }
}

void Validator::note_general_loss(double loss) {
  const int64_t step = last_evaluated_step_;
  history_.add_general(step, loss);
  reporter_.event("general_loss",
                  {{"step", step}, {"loss", loss}, {"data", setup_.general_data_hash.hex()}});
  if (is_over_budget()) {
    log::warning(
        "step {}: the general loss is {:.1f} % above the base's; max_forgetting is {:.1f} %", step,
        100.0 * history_.forgetting_at(step), 100.0 * config_.max_forgetting);
  }
}

bool Validator::is_over_budget() const {
  // The last evaluation may be one of an earlier attempt: it counts, too.
  return config_.max_forgetting > 0.0 && !history_.general().empty() &&
         history_.forgetting_at(history_.general().rbegin()->first) > config_.max_forgetting;
}

bool Validator::should_stop() const {
  return early_stopping_.should_stop() ||
         (config_.on_forgetting == ForgettingPolicy::kStop && is_over_budget());
}

int64_t Validator::best_step() const {
  return history_.best_step(config_.max_forgetting);
}

std::vector<int64_t> Validator::steps_best_first() const {
  return history_.steps_best_first(config_.max_forgetting);
}

void Validator::report(int64_t last_step) const {
  if (!reporter_.is_leader()) return;
  using Action = Recommendation::Action;
  const bool has_budget = config_.max_forgetting > 0.0;
  if (history_.test().empty() && !has_budget) return;
  const Recommendation found =
      recommend_checkpoint(history_, ChoiceTerms(config_), directory_.checkpoints());
  if (has_budget) {
    report_forgetting(last_step, found.action == Action::kUse ? found.step : -1);
  }
  if (found.action == Action::kNothing) return;
  const std::string text = fmt::format("{}: {}", directory_.root().string(), found.description());
  if (found.action != Action::kKeep) {
    log::info("{}", text);
  } else if (found.is_over_budget) {
    log::warning(
        "{}: lower learning_rate, mix general text into datasets, or evaluate and save more often",
        text);
  } else {
    log::warning("{}: lower learning_rate, or see whether datasets teach what test_datasets ask",
                 text);
  }
}

void Validator::report_forgetting(int64_t last_step, int64_t use_step) const {
  const double forgetting = history_.forgetting_at(last_step);
  if (std::isnan(forgetting)) {
    log::warning("max_forgetting: the base's general loss is not in {}: nothing to compare with",
                 directory_.metrics_path().string());
    return;
  }
  reporter_.event("forgetting", {{"step", last_step},
                                 {"rise", forgetting},
                                 {"max_forgetting", config_.max_forgetting},
                                 {"use_step", use_step}});
  log::info("the general loss ends {:+.1f} % from the base's; max_forgetting is {:.1f} %",
            100.0 * forgetting, 100.0 * config_.max_forgetting);
}

}  // namespace temper
