#include "trainer/held_out_evaluation.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "common/error.h"
#include "trainer/training_data.h"

namespace temper {

std::vector<double> gather_by_micro_batch(ProcessGroup& group, const std::vector<double>& mine,
                                          int64_t num_micro_batches) {
  const int64_t size = group.size();
  const int64_t rounds = (num_micro_batches + size - 1) / size;
  TEMPER_CHECK(static_cast<int64_t>(mine.size()) == rounds);
  at::Tensor all = at::zeros({size * rounds}, at::kDouble);
  double* values = all.data_ptr<double>();
  std::copy(mine.begin(), mine.end(), values + group.rank() * rounds);
  group.all_gather_in_place(all);
  std::vector<double> ordered;
  for (int64_t m = 0; m < num_micro_batches; ++m) {
    ordered.push_back(values[(m % size) * rounds + m / size]);
  }
  return ordered;
}

LossSum evaluate_held_out(ShardedModel& model, ProcessGroup& group, const PackedDataset& dataset,
                          int64_t micro_batch_size) {
  const int64_t num_rows = dataset.info().num_rows;
  const int64_t num_micro_batches = (num_rows + micro_batch_size - 1) / micro_batch_size;
  std::vector<double> mine;
  for (int64_t first = 0; first < num_micro_batches; first += group.size()) {
    const int64_t m = first + group.rank();
    std::optional<Batch> batch;
    if (m < num_micro_batches) {
      const int64_t begin = m * micro_batch_size;
      batch = evaluation_batch(dataset, begin, std::min(micro_batch_size, num_rows - begin));
    }
    mine.push_back(model.evaluate(batch ? &*batch : nullptr));
  }
  LossSum loss;
  for (const double sum : gather_by_micro_batch(group, mine, num_micro_batches)) loss.sum += sum;
  loss.count = dataset.info().num_supervised_targets;
  return loss;
}

}  // namespace temper
