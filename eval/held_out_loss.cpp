#include "eval/held_out_loss.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "comm/agreement.h"
#include "comm/round_robin.h"
#include "common/error.h"

namespace temper {

double HeldOutLoss::perplexity() const {
  return std::exp(mean());
}

void check_row_length(const PackedDataset& dataset, int64_t max_position_embeddings) {
  if (dataset.info().sequence_len > max_position_embeddings) {
    throw UserError("{}: rows of {} tokens, but the model has max_position_embeddings {}",
                    dataset.path().string(), dataset.info().sequence_len, max_position_embeddings);
  }
}

Batch to_batch(MicroBatch&& rows) {
  return make_batch(rows.tokens, rows.targets, rows.positions, std::move(rows.cu_seqlens));
}

HeldOutLoss held_out_loss(const ResidentModel& model, ProcessGroup& group,
                          const PackedDataset& dataset, int64_t max_rows) {
  const int64_t all_rows = dataset.info().num_rows;
  const int64_t num_rows = max_rows > 0 ? std::min(max_rows, all_rows) : all_rows;
  std::vector<double> mine;
  HeldOutLoss loss;
  run_agreed(group, [&] {
    for (int64_t row = 0; row < num_rows; ++row) loss.count += dataset.num_targets(row);
    if (loss.count == 0) {
      throw UserError("{}: no supervised target in {} rows: there is no loss to tell",
                      dataset.path().string(), num_rows);
    }
    for (int64_t first = 0; first < num_rows; first += group.size()) {
      const int64_t row = first + group.rank();
      if (row >= num_rows || dataset.num_targets(row) == 0) {
        mine.push_back(0.0);
        continue;
      }
      const PackedRow packed = dataset.row(row);
      mine.push_back(model.loss_sum(to_batch(make_micro_batch({&packed, 1}))));
    }
  });
  for (const double sum : gather_round_robin(group, mine, num_rows)) loss.sum += sum;
  return loss;
}

}  // namespace temper
