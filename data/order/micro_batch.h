// Rows to micro-batches: the one place where labels are shifted.
#pragma once

#include <cstdint>
#include <span>

#include "arch/layout/micro_batch.h"
#include "data/dataset/packed_dataset.h"

namespace temper {

MicroBatch make_micro_batch(std::span<const PackedRow> rows);

// Makes one from labels in the Hugging Face manner: labels[t] belongs to tokens[t] (-100 ignored)
// and is predicted from position t - 1 of the same document; a document's first label is never a
// target.
MicroBatch make_micro_batch(std::span<const int64_t> tokens, std::span<const int64_t> labels,
                            std::span<const int32_t> cu_seqlens);

}  // namespace temper
