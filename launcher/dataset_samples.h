// Rows of a packed dataset as a person reads them.
#pragma once

#include <cstdint>
#include <string>

#include "data/packed_dataset.h"
#include "io/json.h"
#include "text/tokenizer.h"

namespace temper {

// The first `num_rows` rows: {"row", "documents": [{"source", "record", "parts": [{"supervised",
// "text"}]}]}. Contains record text: only for who asked for it. UserError when the dataset was
// packed with another tokenizer.
OrderedJson sample_rows(const PackedDataset& dataset, const Tokenizer& tokenizer, int64_t num_rows);

// The same as text, what is supervised in green on a terminal, else between [[ and ]].
std::string samples_text(const OrderedJson& samples, bool coloured);

}  // namespace temper
