// How often each dataset's rows are seen in an epoch, from what run.yaml says of it: its weight, or
// the share of the epoch's rows that are to come from it.
#pragma once

#include <cstdint>
#include <vector>

#include "config/run_config.h"

namespace temper {

// num_rows[i] are the rows of entries[i], above 0. Validated entries: shares together below 1, and
// not every entry has one.
std::vector<double> dataset_weights(const std::vector<DatasetEntry>& entries,
                                    const std::vector<int64_t>& num_rows);

}  // namespace temper
