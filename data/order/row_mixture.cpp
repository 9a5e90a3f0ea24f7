#include "data/order/row_mixture.h"

#include <algorithm>
#include <cmath>

#include "common/error.h"

namespace temper {

RowMixture::RowMixture(const std::vector<Source>& sources, uint64_t seed, bool shuffle)
    : seed_(seed), shuffle_(shuffle) {
  TEMPER_CHECK(!sources.empty());
  for (size_t i = 0; i < sources.size(); ++i) {
    const int64_t rows = std::llround(sources[i].weight * static_cast<double>(sources[i].num_rows));
    if (rows < 1) {
      throw UserError(
          "datasets[{}]: weight {} of {} rows gives no row in an epoch; raise the weight", i,
          sources[i].weight, sources[i].num_rows);
    }
    parts_.push_back({rows, SampleOrder(sources[i].num_rows, seed + 1 + i, shuffle)});
    rows_per_epoch_ += rows;
  }
}

// Positions are shuffled within their window only.
int64_t RowMixture::shuffled_position(int64_t cursor) const {
  const int64_t epoch = cursor / rows_per_epoch_, position = cursor % rows_per_epoch_;
  const int64_t window = position / kWindowRows, begin = window * kWindowRows;
  const int64_t size = std::min(kWindowRows, rows_per_epoch_ - begin);
  const int64_t windows = (rows_per_epoch_ + kWindowRows - 1) / kWindowRows;
  const SampleOrder order(size, seed_, shuffle_);
  return begin + order.row_at((epoch * windows + window) * size + (position - begin));
}

// Row i of n in an epoch of T belongs at the time floor((2 i + 1) T / (2 n)): evenly spread. How
// many rows of the part come before `time`?
int64_t RowMixture::count_before(const Part& part, int64_t time) const {
  const __int128 n = part.rows_per_epoch, epoch = rows_per_epoch_;
  const __int128 twice = 2 * n * time - epoch;
  if (twice <= 0) return 0;
  return static_cast<int64_t>(std::min<__int128>((twice + 2 * epoch - 1) / (2 * epoch), n));
}

RowMixture::Slot RowMixture::slot_at(int64_t position) const {
  if (parts_.size() == 1) return {0, position};
  const auto all_before = [&](int64_t time) {
    int64_t sum = 0;
    for (const Part& part : parts_) sum += count_before(part, time);
    return sum;
  };
  int64_t low = 0, high = rows_per_epoch_;  // all_before(low) <= position < all_before(high)
  while (high - low > 1) {
    const int64_t middle = low + (high - low) / 2;
    (all_before(middle) <= position ? low : high) = middle;
  }
  int64_t left = position - all_before(low);  // among the rows of this time, by source
  for (size_t i = 0; i < parts_.size(); ++i) {
    const int64_t before = count_before(parts_[i], low);
    const int64_t here = count_before(parts_[i], low + 1) - before;
    if (left < here) return {static_cast<int64_t>(i), before + left};
    left -= here;
  }
  TEMPER_CHECK(false, "position {} of {}", position, rows_per_epoch_);
}

RowMixture::Pick RowMixture::at(int64_t cursor) const {
  TEMPER_CHECK(cursor >= 0, "cursor {}", cursor);
  const Slot slot = slot_at(shuffled_position(cursor));
  const Part& part = parts_[static_cast<size_t>(slot.source)];
  const int64_t epoch = cursor / rows_per_epoch_;
  return {slot.source, part.order.row_at(epoch * part.rows_per_epoch + slot.index)};
}

double RowMixture::share(int64_t source) const {
  return static_cast<double>(parts_[static_cast<size_t>(source)].rows_per_epoch) /
         static_cast<double>(rows_per_epoch_);
}

double RowMixture::epochs_of(int64_t source, int64_t cursor) const {
  const Part& part = parts_[static_cast<size_t>(source)];
  const int64_t position = cursor % rows_per_epoch_;
  const int64_t begin = position - position % kWindowRows;
  int64_t rows = cursor / rows_per_epoch_ * part.rows_per_epoch;
  // Whole windows hold the slots before them; the one under way is counted.
  int64_t before = 0;
  for (int64_t slot = begin; slot > 0 && before == 0;) {
    const Slot last = slot_at(--slot);
    if (last.source == source) before = last.index + 1;
  }
  rows += before;
  for (int64_t at = cursor - (position - begin); at < cursor; ++at) {
    rows += slot_at(shuffled_position(at)).source == source;
  }
  return static_cast<double>(rows) / static_cast<double>(part.order.num_rows());
}

}  // namespace temper
