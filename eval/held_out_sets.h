// The held-out sets of a run and what they are called, in training and in every evaluation after
// it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "config/run_config.h"
#include "data/dataset/packed_dataset.h"

namespace temper {

struct HeldOutSet {
  std::string name;  // "test/medical", "general/wiki"
  PackedDataset dataset;
  int64_t num_bytes = 0;  // of the supervised text; rank 0 of a training counts them
};

// "PREFIX/NAME" for each: its file's name, with the folder's where two files have the same, with a
// number where that does not tell them apart either.
std::vector<std::string> held_out_names(const std::vector<DatasetEntry>& entries,
                                        const std::string& prefix);

}  // namespace temper
