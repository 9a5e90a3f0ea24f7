// Sizes of working memory that more than one room must know: what allocates it, and the plan that
// says beforehand how large a run will be (arch/memory_plan.h).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace temper {

// Rows whose logits exist at once: at most 512, and at most 2^24 logits (64 MiB) unless the
// vocabulary is huge.
inline int64_t cross_entropy_chunk_rows(int64_t vocab_size) {
  constexpr int64_t kChunkElements = int64_t{1} << 24;
  return std::clamp<int64_t>(kChunkElements / vocab_size, 16, 512);
}

// The same on a GPU, where a product needs more rows to fill it: about 2^27 logits.
inline int64_t gpu_cross_entropy_chunk_rows(int64_t vocab_size) {
  constexpr int64_t kChunkElements = int64_t{1} << 27;
  return std::clamp<int64_t>(kChunkElements / vocab_size, 128, 4096);
}

// The block of a matrix that a thread packs for its products, and keeps the memory for: 4 MiB.
inline constexpr int64_t kPackedInner = 1024;
inline constexpr int64_t kPackedColumns = 1024;

// A block of attention scores: 128 KiB, so that two of them stay in the second-level cache.
inline constexpr int64_t kAttentionQueries = 128;
inline constexpr int64_t kAttentionKeys = 256;

// Elements that the owner of a gradient holds of what ranks of other nodes sent, however many there
// are: 64 MiB.
inline constexpr int64_t kMaxStagedElements = int64_t{1} << 24;

// What a rank writes of its file at once when it saves without a copy of its state.
inline constexpr uint64_t kSaveBlockBytes = uint64_t{8} << 20;

// Micro-batches that a rank reads ahead.
inline constexpr size_t kMicroBatchesAhead = 4;

}  // namespace temper
