#include "launcher/plan/training_plan.h"

#include <algorithm>
#include <vector>

#include "common/error.h"
#include "config/batch_note.h"
#include "config/dataset_weights.h"
#include "config/step_count.h"
#include "data/dataset/packed_dataset.h"
#include "data/order/row_mixture.h"

namespace temper {
namespace {

void check_sequence_len(const PackedDataset& dataset, int64_t expected) {
  const int64_t found = dataset.info().sequence_len;
  if (expected != 0 && found != expected) {
    throw UserError("{} is packed with a sequence length of {}, expected {}",
                    dataset.path().string(), found, expected);
  }
}

}  // namespace

OrderedJson TrainingPlan::to_json() const {
  OrderedJson report = {{"ranks", ranks},
                        {"rows_per_epoch", rows_per_epoch},
                        {"sequence_len", sequence_len},
                        {"steps_per_epoch", steps_per_epoch},
                        {"steps", steps},
                        {"micro_batches_per_step", micro_batches_per_step},
                        {"rounds_per_step", rounds_per_step},
                        {"supervised_share", supervised_share},
                        {"document_len", document_len}};
  if (!batch_note.empty()) report["batch_note"] = batch_note;
  if (!warning.empty()) report["warning"] = warning;
  return report;
}

TrainingPlan make_training_plan(const RunConfig& config, int64_t ranks) {
  TrainingPlan plan;
  plan.ranks = ranks;
  plan.micro_batches_per_step = config.micro_batches_per_step();
  plan.batch_note = batch_note(config, ranks);
  if (ranks > plan.micro_batches_per_step) {
    throw UserError(
        "{} ranks, but a step has only {} micro-batches (global_batch_size {} / micro_batch_size "
        "{}): start fewer ranks or enlarge global_batch_size{}",
        ranks, plan.micro_batches_per_step, config.global_batch_size, config.micro_batch_size,
        plan.batch_note.empty() ? "" : "; " + plan.batch_note);
  }
  plan.rounds_per_step = (plan.micro_batches_per_step + ranks - 1) / ranks;
  plan.sequence_len = config.sequence_len;
  std::vector<RowMixture::Source> sources;
  std::vector<DatasetInfo> infos;
  std::vector<int64_t> num_rows;
  double positions = 0.0, targets = 0.0, tokens = 0.0, documents = 0.0;
  for (const DatasetEntry& entry : config.datasets) {
    const PackedDataset dataset(entry.path);
    check_sequence_len(dataset, plan.sequence_len);
    infos.push_back(dataset.info());
    plan.sequence_len = infos.back().sequence_len;
    num_rows.push_back(infos.back().num_rows);
  }
  const std::vector<double> weights = dataset_weights(config.datasets, num_rows);
  for (size_t i = 0; i < infos.size(); ++i) {
    const DatasetInfo& info = infos[i];
    sources.push_back({info.num_rows, weights[i]});
    positions += weights[i] * static_cast<double>(info.num_rows * info.sequence_len);
    targets += weights[i] * static_cast<double>(info.num_supervised_targets);
    tokens += weights[i] * static_cast<double>(info.num_tokens);
    documents += weights[i] * static_cast<double>(info.num_documents);
  }
  plan.supervised_share = targets / std::max(1.0, positions);
  plan.document_len = tokens / std::max(1.0, documents);
  plan.rows_per_epoch = RowMixture(sources, config.seed, config.shuffle).rows_per_epoch();
  plan.steps_per_epoch =
      static_cast<double>(plan.rows_per_epoch) / static_cast<double>(config.global_batch_size);
  plan.steps = count_steps(config, plan.rows_per_epoch);
  plan.warning = few_steps_warning(config, plan.rows_per_epoch, ranks);
  return plan;
}

}  // namespace temper
