#include "trainer/training_data.h"

#include "common/error.h"
#include "common/log.h"
#include "config/dataset_weights.h"
#include "eval/held_out_loss.h"
#include "io/json.h"

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

// Raw texts are packed with a template's name, too, which says nothing.
bool has_conversations(const PackedDataset& dataset) {
  if (dataset.info().sources_json.empty()) return false;  // opened with what rank 0 has shared
  const std::string place = dataset.path().string() + ": sources";
  for (const Json& source : parse_json(dataset.info().sources_json, place)) {
    const Json format = source.is_object() ? source.value("format", Json()) : Json();
    if (format != "text" && format != "auto") return true;  // auto: an empty file
  }
  return false;
}

// The settings are those that `temper pack` wrote.
TrainingData::Template template_of(const PackedDataset& dataset) {
  const std::string place = dataset.path().string() + ": settings";
  const OrderedJson settings = parse_ordered_json(dataset.info().settings_json, place);
  const auto variables = settings.find("chat_template_variables");
  const bool has_any = settings.is_object() && variables != settings.end() && !variables->empty();
  return {dataset.info().chat_template, has_any ? variables->dump() : ""};
}

TrainingData::Template template_of_conversations(const std::vector<PackedDataset>& datasets) {
  const PackedDataset* first = nullptr;
  TrainingData::Template result;
  for (const PackedDataset& dataset : datasets) {
    if (!has_conversations(dataset)) continue;
    const TrainingData::Template its = template_of(dataset);
    if (first == nullptr) {
      first = &dataset;
      result = its;
    }
    if (its == result && dataset.info().chat_template_hash == first->info().chat_template_hash) {
      continue;
    }
    log::warning(
        "datasets: {} was packed with chat template '{}', {} with '{}' or with other "
        "--chat-template-kwargs: evaluation, generation and export take those of the first unless "
        "you give others",
        first->path().string(), result.name, dataset.path().string(), its.name);
  }
  return result;
}

}  // namespace

std::vector<PackedDataset> open_datasets(const std::vector<DatasetEntry>& entries,
                                         const Hash128& tokenizer_hash, int64_t sequence_len,
                                         const SharedDatasets& shared) {
  std::vector<PackedDataset> datasets;
  for (const DatasetEntry& entry : entries) {
    const auto known = shared.find(entry.path.native());
    datasets.push_back(known == shared.end() ? PackedDataset(entry.path)
                                             : PackedDataset(entry.path, known->second));
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

std::string share_datasets(const RunConfig& config) {
  Json shared = Json::object();
  for (const auto* entries : {&config.datasets, &config.test_datasets, &config.general_datasets}) {
    for (const DatasetEntry& entry : *entries) {
      shared[entry.path.native()] = PackedDataset(entry.path).share();
    }
  }
  return shared.dump();
}

SharedDatasets shared_datasets_of(const std::string& shared) {
  return shared.empty() ? SharedDatasets()
                        : parse_json(shared, "shared datasets").get<SharedDatasets>();
}

TrainingData::TrainingData(std::vector<PackedDataset> datasets, const RunConfig& config,
                           int num_ranks)
    : datasets_(std::move(datasets)),
      weights_(weights_of(datasets_, config)),
      chat_template_(template_of_conversations(datasets_)),
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
  Batch batch = to_batch(loader_->take(cursor + micro_batch * plan_.micro_batch_size));
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

TrainingData::Place TrainingData::place_of(int64_t position) const {
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
