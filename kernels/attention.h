// Causal attention over packed documents, with grouped query heads and an optional sliding window.
// Never builds the [T, T] scores: blocks with an online softmax (Dao et al.,
// https://arxiv.org/abs/2205.14135), so memory is O(T). Scores are scaled by 1 / sqrt(head_dim).
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <optional>
#include <vector>

namespace temper {

// Which keys a query sees: those of its own document (cu_seqlens [D + 1], 0 .. T, on the host), at
// or before it, and at most `sliding_window` of them (itself included).
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

// One sequence with a cache: q [n, num_heads, head_dim] are the last n of the keys' positions;
// k, v [length, num_kv_heads, head_dim]. Returns [n, num_heads, head_dim].
at::Tensor attention_decode(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                            std::optional<int64_t> sliding_window);

}  // namespace temper
