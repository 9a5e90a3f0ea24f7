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

// On a GPU a product needs more rows to fill it: about 2^27 logits.
inline int64_t gpu_cross_entropy_chunk_rows(int64_t vocab_size) {
  constexpr int64_t kChunkElements = int64_t{1} << 27;
  return std::clamp<int64_t>(kChunkElements / vocab_size, 128, 4096);
}

// The block of a matrix that a thread packs for its products: 4 MiB. Beside it are a block of an
// adapter's matrix, and some rows of the left one.
inline constexpr int64_t kPackedInner = 1024;
inline constexpr int64_t kPackedColumns = 1024;
inline constexpr int64_t kPackedMoreInner = 64;
inline constexpr int64_t kPackedRows = 56;

// The elements that a thread keeps for them.
constexpr int64_t packed_product_elements() {
  return (kPackedInner + kPackedMoreInner) * kPackedColumns + kPackedRows * kPackedInner;
}

// The blocks into which attention on the CPU divides its work, in rows.
struct AttentionBlocks {
  int64_t strip;         // queries whose products are one call
  int64_t forward_keys;  // keys that forward holds at once
  int64_t queries;       // queries and keys that backward holds at once
  int64_t keys;
  int64_t key_strip;  // keys whose share of dk and dv is one call
};

// The blocks for tiles of our own: two blocks of scores of backward (420 KiB) and what is held of
// q, k, v and d_out stay in the second-level cache with heads of 64; a strip of forward's scores is
// 28 KiB.
inline constexpr AttentionBlocks kAttentionTiles{14, 512, 224, 224, 14};
// The blocks for LibTorch's products: two blocks of scores are 272 KiB.
inline constexpr AttentionBlocks kAttentionLibrary{128, 256, 128, 256, 256};

// The stride of attention's own rows of n columns: an odd number of cache lines, so that they do
// not fall on the same places of a cache.
constexpr int64_t attention_row_stride(int64_t n) {
  return (n + 31) / 32 * 32 + 16;
}

// Elements that attention holds on every thread, whichever blocks it uses.
constexpr int64_t attention_forward_scratch(int64_t head_dim) {
  const auto elements = [head_dim](const AttentionBlocks& blocks) {
    return blocks.strip * attention_row_stride(blocks.forward_keys) +
           blocks.forward_keys * head_dim +
           (blocks.forward_keys + blocks.strip) * attention_row_stride(head_dim);
  };
  return std::max(elements(kAttentionTiles), elements(kAttentionLibrary));
}
constexpr int64_t attention_backward_scratch(int64_t head_dim) {
  const auto elements = [head_dim](const AttentionBlocks& blocks) {
    return 2 * blocks.queries * attention_row_stride(blocks.keys) + 2 * blocks.keys * head_dim +
           (blocks.keys + 2 * blocks.queries) * attention_row_stride(head_dim);
  };
  return std::max(elements(kAttentionTiles), elements(kAttentionLibrary));
}

// Receive buffer of the reduce-scatter, in elements, whatever the number of ranks: 64 MiB.
inline constexpr int64_t kMaxStagedElements = int64_t{1} << 24;

// Bytes that a rank writes of its file at once when it saves without a copy of its state.
inline constexpr uint64_t kSaveBlockBytes = uint64_t{8} << 20;

// Micro-batches that a rank reads ahead.
inline constexpr size_t kMicroBatchesAhead = 4;

}  // namespace temper
