// What `temper inspect` says of a packed dataset.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/dataset/packed_dataset.h"
#include "io/json.h"
#include "text/tokenizer/tokenizer.h"

namespace temper {

struct DescribeOptions {
  int64_t num_samples = 0;  // rows to show, evenly spaced over the dataset
  bool colour = false;      // supervised tokens in a terminal's colour instead of ⟦brackets⟧
  // Reads every row. A damaged one is a UserError that names it.
  bool verify = false;
  std::vector<int64_t> rows = {};  // further rows to show, by their numbers from 0
};

// `tokenizer` decodes the samples; without one (null) they are shown as ids. UserError when it is
// another tokenizer than the dataset was packed with, or a row that it has not. What the dataset
// holds has gone through terminal_text(); only the colours are left for a terminal to obey.
std::string describe_dataset(const PackedDataset& dataset, const Tokenizer* tokenizer,
                             const DescribeOptions& options);
// The same for programs. A sample's documents have `source`, `record`, `piece`, `tokens`,
// `supervised` (ranges [begin, end) of tokens of the document) and, with a tokenizer, `text`.
OrderedJson describe_dataset_json(const PackedDataset& dataset, const Tokenizer* tokenizer,
                                  const DescribeOptions& options);

}  // namespace temper
