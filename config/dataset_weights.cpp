#include "config/dataset_weights.h"

#include "common/error.h"

namespace temper {

std::vector<double> dataset_weights(const std::vector<DatasetEntry>& entries,
                                    const std::vector<int64_t>& num_rows) {
  TEMPER_CHECK(entries.size() == num_rows.size());
  double shares = 0.0, weighted_rows = 0.0;
  for (size_t i = 0; i < entries.size(); ++i) {
    shares += entries[i].share;
    if (entries[i].share == 0.0) {
      weighted_rows += entries[i].weight * static_cast<double>(num_rows[i]);
    }
  }
  const double rows_per_epoch = weighted_rows / (1.0 - shares);
  std::vector<double> weights;
  for (size_t i = 0; i < entries.size(); ++i) {
    weights.push_back(entries[i].share > 0.0
                          ? entries[i].share * rows_per_epoch / static_cast<double>(num_rows[i])
                          : entries[i].weight);
  }
  return weights;
}

}  // namespace temper
