// The rows of a run as tensors: which micro-batch a rank computes in a round, for training and for
// held-out evaluation.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/run_config.h"
#include "data/micro_batch.h"
#include "data/packed_dataset.h"
#include "data/row_mixture.h"
#include "stage/batch.h"

namespace temper {

// Opens the datasets and checks that they agree with each other and with the tokenizer's hash: a
// dataset that was packed with another tokenizer than the model's is a UserError.
std::vector<PackedDataset> open_datasets(const std::vector<DatasetEntry>& entries,
                                         const Hash128& tokenizer_hash, int64_t sequence_len);

class TrainingData {
 public:
  // `config` has passed validation; `datasets` are those of config.datasets.
  TrainingData(std::vector<PackedDataset> datasets, const RunConfig& config);

  int64_t rows_per_epoch() const { return mixture_.rows_per_epoch(); }
  int64_t sequence_len() const { return datasets_.front().info().sequence_len; }

  // Micro-batch `micro_batch` of the step whose first row is `cursor`: rows
  // [cursor + micro_batch x micro_batch_size, ...), the same on any number of ranks.
  Batch micro_batch(int64_t cursor, int64_t step, int64_t micro_batch) const;
  // Supervised targets of rows [cursor, cursor + num_rows): the step's loss denominator.
  int64_t num_targets(int64_t cursor, int64_t num_rows) const;
  // Which data this is: contents, weights.
  Hash128 hash() const;

 private:
  std::vector<PackedDataset> datasets_;
  std::vector<double> weights_;
  RowMixture mixture_;
  int64_t micro_batch_size_;
  uint64_t seed_;
};

Batch to_batch(MicroBatch&& rows);

// Rows [begin, begin + count) of a dataset in file order, for evaluation.
Batch evaluation_batch(const PackedDataset& dataset, int64_t begin, int64_t count);

}  // namespace temper
