// Rows to micro-batches: the one place where labels are shifted.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "data/dataset/packed_dataset.h"

namespace temper {

inline constexpr int64_t kIgnoredTarget = -100;

// Rows end to end; T = num_rows x sequence_len.
struct MicroBatch {
  std::vector<int64_t> tokens;      // [T]
  std::vector<int64_t> targets;     // [T]: what position t must predict (token t + 1), or -100
  std::vector<int64_t> positions;   // [T]: restart in every document
  std::vector<int32_t> cu_seqlens;  // [D + 1]
  int64_t num_targets = 0;
};

MicroBatch make_micro_batch(std::span<const PackedRow> rows);

// The same from labels in the Hugging Face manner: labels[t] belongs to tokens[t] (-100 ignored)
// and is predicted from position t - 1 of the same document; a document's first label is never a
// target.
MicroBatch make_micro_batch(std::span<const int64_t> tokens, std::span<const int64_t> labels,
                            std::span<const int32_t> cu_seqlens);

}  // namespace temper
