// One stream of rows drawn from several datasets: which dataset and row stand at each position of
// the run. Computed from (seed, position) alone, like SampleOrder.
#pragma once

#include <cstdint>
#include <vector>

#include "data/sample_order.h"

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

  // UserError when a source is so light that it contributes no row.
  RowMixture(const std::vector<Source>& sources, uint64_t seed, bool shuffle);

  // Rows of an epoch: every source in exactly its share, in shuffled order.
  int64_t rows_per_epoch() const { return epoch_.num_rows(); }
  // What stands at position `cursor` >= 0 of the run.
  Pick at(int64_t cursor) const;
  // Share of the rows that come from the source.
  double share(int64_t source) const;

 private:
  struct Part {
    int64_t begin = 0;  // in the unshuffled epoch
    int64_t rows_per_epoch = 0;
    SampleOrder order;
  };
  static std::vector<Part> make_parts(const std::vector<Source>& sources, uint64_t seed,
                                      bool shuffle);

  std::vector<Part> parts_;
  SampleOrder epoch_;
};

}  // namespace temper
