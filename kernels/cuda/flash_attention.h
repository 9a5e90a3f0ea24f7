// Packed causal attention through ATen's variable-length flash attention (Dao,
// https://arxiv.org/abs/2307.08691). Inside kernels/ only.
#pragma once

#include <vector>

#include "kernels/attention_blocks.h"

namespace temper {

// bf16 or fp16 on a GPU of compute capability 8.0 or newer, heads of at most 256 elements, a
// multiple of 8, and documents whose queries and keys are the same tokens.
bool can_flash(const at::Tensor& q, const std::vector<AttentionDocument>& documents);

AttentionOutput flash_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                                const std::vector<AttentionDocument>& documents,
                                const AttentionShape& shape);
// Its deterministic form: the same bits for the same input, for memory of a few times dq in fp32.
AttentionGradients flash_attention_backward(const at::Tensor& d_out, const at::Tensor& q,
                                            const at::Tensor& k, const at::Tensor& v,
                                            const AttentionOutput& forward,
                                            const std::vector<AttentionDocument>& documents,
                                            const AttentionShape& shape);

}  // namespace temper
