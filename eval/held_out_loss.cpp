#include "eval/held_out_loss.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

#include "comm/agreement.h"
#include "common/error.h"
#include "data/micro_batch.h"
#include "stage/batch.h"

namespace temper {
namespace {

at::Tensor to_tensor(const std::vector<int64_t>& values) {
  at::Tensor tensor = at::empty({static_cast<int64_t>(values.size())}, at::kLong);
  std::copy(values.begin(), values.end(), tensor.data_ptr<int64_t>());
  return tensor;
}

Batch make_row_batch(const PackedRow& row) {
  MicroBatch rows = make_micro_batch(std::span(&row, 1));
  Batch batch;
  batch.tokens = to_tensor(rows.tokens);
  batch.targets = to_tensor(rows.targets);
  batch.positions = to_tensor(rows.positions);
  batch.cu_seqlens = std::move(rows.cu_seqlens);
  batch.num_targets = rows.num_targets;
  return batch;
}

}  // namespace

double HeldOutLoss::perplexity() const {
  return std::exp(mean());
}

HeldOutLoss held_out_loss(const ResidentModel& model, ProcessGroup& group,
                          const PackedDataset& dataset, int64_t max_rows) {
  const int64_t all_rows = dataset.info().num_rows;
  const int64_t num_rows = max_rows > 0 ? std::min(max_rows, all_rows) : all_rows;
  const int64_t size = group.size();
  const int64_t rounds = (num_rows + size - 1) / size;

  at::Tensor sums = at::zeros({size * rounds}, at::kDouble);
  double* values = sums.data_ptr<double>();
  HeldOutLoss loss;
  run_agreed(group, [&] {
    for (int64_t row = 0; row < num_rows; ++row) loss.count += dataset.num_targets(row);
    if (loss.count == 0) {
      throw UserError("{}: no supervised target in {} rows: there is no loss to tell",
                      dataset.path().string(), num_rows);
    }
    for (int64_t round = 0; round < rounds; ++round) {
      const int64_t row = round * size + group.rank();
      if (row >= num_rows || dataset.num_targets(row) == 0) continue;
      values[group.rank() * rounds + round] = model.loss_sum(make_row_batch(dataset.row(row)));
    }
  });
  group.all_gather_in_place(sums);
  for (int64_t row = 0; row < num_rows; ++row) {
    loss.sum += values[(row % size) * rounds + row / size];
  }
  return loss;
}

}  // namespace temper
