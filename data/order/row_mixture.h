// One stream of rows drawn from several datasets: which dataset and row stand at each position of
// the run. Computed from (seed, position) alone, like SampleOrder.
#pragma once

#include <cstdint>
#include <vector>

#include "data/order/sample_order.h"

namespace temper {

class RowMixture {
 public:
  struct Source {
    int64_t num_rows = 0;
    // How often each row is seen in an epoch: 1 once, 0.5 every other epoch, 2 twice.
    double weight = 1.0;
  };
  struct Pick {
    int64_t source = 0;
    int64_t row = 0;
  };
  // In the positions kWindowRows k to kWindowRows (k + 1) - 1 of an epoch, each source has its
  // share, give or take one row per source.
  static constexpr int64_t kWindowRows = 256;

  // UserError when a source is so light that it contributes no row.
  RowMixture(const std::vector<Source>& sources, uint64_t seed, bool shuffle);

  // Rows of an epoch: every source in exactly its share.
  int64_t rows_per_epoch() const { return rows_per_epoch_; }
  // What stands at position `cursor` >= 0 of the run.
  Pick at(int64_t cursor) const;
  // Share of the rows that come from the source.
  double share(int64_t source) const;
  // How often the run has been through the source when it stands at `cursor`.
  double epochs_of(int64_t source, int64_t cursor) const;

 private:
  struct Part {
    int64_t rows_per_epoch = 0;
    SampleOrder order;  // of the source's own rows
  };
  struct Slot {
    int64_t source, index;  // the index-th of the source's rows in the epoch
  };

  int64_t shuffled_position(int64_t cursor) const;
  Slot slot_at(int64_t position) const;
  int64_t count_before(const Part& part, int64_t time) const;

  std::vector<Part> parts_;
  int64_t rows_per_epoch_ = 0;
  uint64_t seed_;
  bool shuffle_;
};

}  // namespace temper
