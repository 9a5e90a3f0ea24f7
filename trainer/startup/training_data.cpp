#include "trainer/startup/training_data.h"

#include "common/error.h"
#include "config/dataset_weights.h"
#include "eval/held_out_loss.h"

namespace temper {
namespace {

std::vector<double> weights_of(const std::vector<PackedDataset>& datasets,
                               const RunConfig& config) {
  std::vector<int64_t> num_rows;
  for (const PackedDataset& dataset : datasets) num_rows.push_back(dataset.info().num_rows);
  return dataset_weights(config.datasets, num_rows);
}

RowMixture make_mixture(const std::vector<PackedDataset>& datasets,
                        const std::vector<double>& weights, const RunConfig& config) {
  std::vector<RowMixture::Source> sources;
  for (size_t i = 0; i < datasets.size(); ++i) {
    sources.push_back({datasets[i].info().num_rows, weights[i]});
  }
  return RowMixture(sources, config.seed, config.shuffle);
}

}  // namespace

std::vector<PackedDataset> open_datasets(const std::vector<DatasetEntry>& entries,
                                         const Hash128& tokenizer_hash, int64_t sequence_len,
                                         const RunData& data) {
  std::vector<PackedDataset> datasets;
  for (const DatasetEntry& entry : entries) {
    datasets.emplace_back(entry.path, data.datasets.at(entry.path.native()));
    const DatasetInfo& info = datasets.back().info();
    if (info.tokenizer_hash != tokenizer_hash) {
      throw UserError(
          "{}: packed with another tokenizer (hash {}) than the base model's (hash {}); pack the "
          "corpus again with `temper pack --model` and this base model",
          entry.path.string(), info.tokenizer_hash.hex(), tokenizer_hash.hex());
    }
    const int64_t wanted = sequence_len > 0 ? sequence_len : datasets.front().info().sequence_len;
    if (info.sequence_len != wanted) {
      throw UserError(
          "{}: packed with sequence_len {}, but {} says {}", entry.path.string(), info.sequence_len,
          sequence_len > 0 ? "the configuration" : datasets.front().path().string(), wanted);
    }
  }
  return datasets;
}

TrainingData::TrainingData(std::vector<PackedDataset> datasets, const RunConfig& config,
                           int num_ranks)
    : datasets_(std::move(datasets)),
      weights_(weights_of(datasets_, config)),
      mixture_(make_mixture(datasets_, weights_, config)),
      plan_{config.micro_batch_size, config.micro_batches_per_step(), num_ranks},
      seed_(config.seed) {
  int64_t num_targets = 0;
  for (const PackedDataset& dataset : datasets_) {
    num_targets += dataset.info().num_supervised_targets;
  }
  if (num_targets == 0)
    throw UserError("datasets: not one token is supervised: nothing to train on");
}

PackedRow TrainingData::row_at(int64_t position) const {
  const RowMixture::Pick pick = mixture_.at(position);
  return datasets_[static_cast<size_t>(pick.source)].row(pick.row);
}

Batch TrainingData::micro_batch(int64_t cursor, int64_t step, int64_t micro_batch) {
  if (!loader_) {
    loader_ =
        std::make_unique<BatchLoader>([this](int64_t position) { return row_at(position); }, plan_);
  }
  Batch batch = make_batch(loader_->take(cursor + micro_batch * plan_.micro_batch_size));
  batch.seed = seed_;
  batch.step = step;
  batch.micro_batch = micro_batch;
  batch.training = true;
  return batch;
}

int64_t TrainingData::num_targets(int64_t cursor, int64_t num_rows) const {
  int64_t sum = 0;
  for (int64_t i = 0; i < num_rows; ++i) {
    const RowMixture::Pick pick = mixture_.at(cursor + i);
    sum += datasets_[static_cast<size_t>(pick.source)].num_targets(pick.row);
  }
  return sum;
}

TrainingData::RowLocation TrainingData::location_of(int64_t position) const {
  const RowMixture::Pick pick = mixture_.at(position);
  return {datasets_[static_cast<size_t>(pick.source)].path(), pick.row};
}

Hash128 TrainingData::hash() const {
  StreamHasher hasher;
  for (size_t i = 0; i < datasets_.size(); ++i) {
    const std::string content = datasets_[i].info().content_hash.hex();
    hasher.update(content.data(), content.size());
    hasher.update(&weights_[i], sizeof(double));
  }
  return hasher.digest();
}

}  // namespace temper
