// The output layer and its loss in one: logits = x W^T, loss = sum over rows of the cross-entropy
// with the row's target. Works through chunks of rows (arch/layout/working_memory.h), so that the
// logits of all rows never exist.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>

namespace temper {

// The gradients of the loss sum.
struct LinearCrossEntropyGradients {
  at::Tensor dx;  // [N, hidden], set
  at::Tensor dw;  // [vocab, hidden] fp32, overwritten; undefined when the weight is frozen
};

// x [N, hidden], weight [vocab, hidden], both fp32 or bf16; targets [N] int64, each a row of the
// weight. Returns the loss sum, 0-dim fp64. The gradients are computed along, chunk by chunk,
// unless they are null: the logits are needed for both and never kept. `workspace` holds a chunk of
// them, in fp32; it is made where it is too small and stays with the caller: freed between calls,
// so large a block would be cut up by smaller ones and taken anew every time.
at::Tensor linear_cross_entropy(const at::Tensor& x, const at::Tensor& weight,
                                const at::Tensor& targets, LinearCrossEntropyGradients* gradients,
                                at::Tensor& workspace);

// Returns the loss of every row on its own, [N] fp64, without gradients.
at::Tensor cross_entropy_of_rows(const at::Tensor& x, const at::Tensor& weight,
                                 const at::Tensor& targets);

}  // namespace temper
