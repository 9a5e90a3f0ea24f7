#include "data/row_mixture.h"

#include <algorithm>
#include <cmath>

#include "common/error.h"

namespace temper {

std::vector<RowMixture::Part> RowMixture::make_parts(const std::vector<Source>& sources,
                                                     uint64_t seed, bool shuffle) {
  TEMPER_CHECK(!sources.empty());
  std::vector<Part> parts;
  int64_t begin = 0;
  for (size_t i = 0; i < sources.size(); ++i) {
    const int64_t rows = std::llround(sources[i].weight * static_cast<double>(sources[i].num_rows));
    if (rows < 1) {
      throw UserError(
          "datasets[{}]: weight {} of {} rows gives no row in an epoch; raise the weight", i,
          sources[i].weight, sources[i].num_rows);
    }
    parts.push_back({begin, rows, SampleOrder(sources[i].num_rows, seed + 1 + i, shuffle)});
    begin += rows;
  }
  return parts;
}

RowMixture::RowMixture(const std::vector<Source>& sources, uint64_t seed, bool shuffle)
    : parts_(make_parts(sources, seed, shuffle)),
      epoch_(parts_.back().begin + parts_.back().rows_per_epoch, seed, shuffle) {}

RowMixture::Pick RowMixture::at(int64_t cursor) const {
  const int64_t epoch = cursor / rows_per_epoch();
  const int64_t slot = epoch_.row_at(cursor);
  const auto after = std::upper_bound(parts_.begin(), parts_.end(), slot,
                                      [](int64_t s, const Part& part) { return s < part.begin; });
  const Part& part = *std::prev(after);
  return {std::prev(after) - parts_.begin(),
          part.order.row_at(epoch * part.rows_per_epoch + (slot - part.begin))};
}

double RowMixture::share(int64_t source) const {
  return static_cast<double>(parts_[static_cast<size_t>(source)].rows_per_epoch) /
         static_cast<double>(rows_per_epoch());
}

}  // namespace temper
