// A micro-batch as numbers, before it becomes tensors (stage/batch.h).
#pragma once

#include <cstdint>
#include <vector>

namespace temper {

// The target of a position that is not supervised, as in Hugging Face's labels.
inline constexpr int64_t kIgnoredTarget = -100;

// Rows end to end; T = num_rows x sequence_len.
struct MicroBatch {
  std::vector<int64_t> tokens;      // [T]
  std::vector<int64_t> targets;     // [T]: what position t must predict (token t + 1), or ignored
  std::vector<int64_t> positions;   // [T]: restart in every document
  std::vector<int32_t> cu_seqlens;  // [D + 1]
  int64_t num_targets = 0;          // targets that are not ignored
};

}  // namespace temper
