// Whether a held-out set holds documents that are trained on: its loss would then tell what was
// memorised, not what was learned.
#pragma once

#include <cstdint>
#include <vector>

#include "data/dataset/packed_dataset.h"

namespace temper {

struct DatasetOverlap {
  int64_t num_documents = 0;  // of the held-out set
  int64_t num_shared = 0;     // of these, with the same tokens as a document of the training data
};

// Reads all of the datasets. They must have been packed with the same tokenizer.
std::vector<DatasetOverlap> find_overlaps(const std::vector<PackedDataset>& training,
                                          const std::vector<const PackedDataset*>& held_out);

}  // namespace temper
