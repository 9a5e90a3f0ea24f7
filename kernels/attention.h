// Causal attention over packed documents, with grouped query heads and an optional sliding window.
// Never builds the [T, T] scores: blocks with an online softmax (Dao et al.,
// https://arxiv.org/abs/2205.14135), so memory is O(T). Scores are scaled by 1 / sqrt(head_dim).
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <optional>
#include <vector>

namespace temper {

// The keys that a query sees are those of its own document (cu_seqlens [D + 1], 0 .. T, on the
// host), at or before it, and at most `sliding_window` of them (itself included).
struct AttentionMask {
  std::vector<int32_t> cu_seqlens;
  std::optional<int64_t> sliding_window;
  at::Tensor device_cu_seqlens = {};  // the same [D + 1] int32 where q is; may be left out
};

struct AttentionOutput {
  at::Tensor out;        // [T, num_heads, head_dim]
  at::Tensor logsumexp;  // [num_heads, T] fp32, of the scaled scores
};

// q [T, num_heads, head_dim]; k, v [T, num_kv_heads, head_dim]; contiguous, fp32 or bf16. Query
// head h reads key head h / (num_heads / num_kv_heads).
AttentionOutput attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                          const AttentionMask& mask);

struct AttentionGradients {
  at::Tensor dq;  // as q
  at::Tensor dk;  // as k
  at::Tensor dv;  // as v
};

AttentionGradients attention_backward(const at::Tensor& d_out, const at::Tensor& q,
                                      const at::Tensor& k, const at::Tensor& v,
                                      const AttentionOutput& forward, const AttentionMask& mask);

// Queries [query_begin, query_end) are the last of the sequence whose keys are [key_begin,
// key_end).
struct CachedSequence {
  int64_t query_begin = 0, query_end = 0;
  int64_t key_begin = 0, key_end = 0;
};

// Sequences with caches: q [T, num_heads, head_dim] holds the new tokens of each, one after the
// other; k, v [rows, num_kv_heads, head_dim] their caches, which do not overlap. Returns
// [T, num_heads, head_dim].
at::Tensor attention_decode(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                            const std::vector<CachedSequence>& sequences,
                            std::optional<int64_t> sliding_window);

}  // namespace temper
