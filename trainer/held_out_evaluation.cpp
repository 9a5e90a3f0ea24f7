#include "trainer/held_out_evaluation.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "comm/round_robin.h"

namespace temper {

HeldOutLoss evaluate_held_out(ShardedModel& model, ProcessGroup& group,
                              const PackedDataset& dataset, int64_t micro_batch_size,
                              WorkBar* bar) {
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
    if (!rows.empty()) batch = to_batch(make_micro_batch(rows));
    mine.push_back(model.evaluate(batch ? &*batch : nullptr));
    if (bar != nullptr) {
      const int64_t begin = first * micro_batch_size;
      bar->advance(std::min(group.size() * micro_batch_size, num_rows - begin));
    }
  }
  HeldOutLoss loss;
  for (const double sum : gather_round_robin(group, mine, num_micro_batches)) loss.sum += sum;
  loss.count = dataset.info().num_supervised_targets;
  return loss;
}

}  // namespace temper
