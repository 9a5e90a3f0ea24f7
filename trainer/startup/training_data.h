// Gives a rank the rows that it trains on, as tensors: the micro-batch that it computes in a round.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "config/run_config.h"
#include "data/dataset/packed_dataset.h"
#include "data/order/batch_loader.h"
#include "data/order/micro_batch.h"
#include "data/order/row_mixture.h"
#include "stage/batch.h"
#include "trainer/startup/run_data.h"

namespace temper {

// Opens the datasets, which `data` knows, and checks that they agree with each other and with the
// tokenizer's hash: a dataset that was packed with another tokenizer than the model's is a
// UserError.
std::vector<PackedDataset> open_datasets(const std::vector<DatasetEntry>& entries,
                                         const Hash128& tokenizer_hash, int64_t sequence_len,
                                         const RunData& data);

class TrainingData {
 public:
  // `config` has passed validation; `datasets` are those of config.datasets.
  TrainingData(std::vector<PackedDataset> datasets, const RunConfig& config, int num_ranks = 1);

  int64_t rows_per_epoch() const { return mixture_.rows_per_epoch(); }
  const std::vector<PackedDataset>& datasets() const { return datasets_; }
  int64_t sequence_len() const { return datasets_.front().info().sequence_len; }

  // Micro-batch `micro_batch` of the step whose first row is `cursor`: rows
  // [cursor + micro_batch x micro_batch_size, ...), the same on any number of ranks. Those that
  // this rank computes next are read ahead on a thread.
  Batch micro_batch(int64_t cursor, int64_t step, int64_t micro_batch);
  // Supervised targets of rows [cursor, cursor + num_rows): the step's loss denominator.
  int64_t num_targets(int64_t cursor, int64_t num_rows) const;
  // The row of a file that stands at a position of the run.
  struct RowLocation {
    std::filesystem::path dataset;
    int64_t row = 0;
  };
  RowLocation location_of(int64_t position) const;
  // The hash of the datasets' contents and weights.
  Hash128 hash() const;
  // How long micro_batch() has waited for data.
  double seconds_waited() const { return loader_ ? loader_->seconds_waited() : 0.0; }

 private:
  PackedRow row_at(int64_t position) const;

  std::vector<PackedDataset> datasets_;
  std::vector<double> weights_;
  RowMixture mixture_;
  BatchLoader::Plan plan_;
  uint64_t seed_;
  std::unique_ptr<BatchLoader> loader_;  // from the first micro-batch on
};

}  // namespace temper
