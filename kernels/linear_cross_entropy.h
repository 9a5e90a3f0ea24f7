// The output layer and its loss in one: logits = x W^T, loss = sum over rows of the cross-entropy
// with the row's target. Works through chunks of rows, so that the logits of all rows never exist.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>

namespace temper {

// What backward needs of forward.
struct LinearCrossEntropySaved {
  at::Tensor logsumexp;  // [N]
  at::Tensor logits;     // [K, vocab] of the last K rows: backward need not compute them again
  at::Tensor dx;         // [N, hidden], complete already, when the weight is frozen
};

// x [N, hidden], weight [vocab, hidden], targets [N] int64, each a row of the weight. Returns the
// loss sum, 0-dim fp64. `saved` is null when no backward follows; `weight_trains` says which
// backward will.
at::Tensor linear_cross_entropy(const at::Tensor& x, const at::Tensor& weight,
                                const at::Tensor& targets, bool weight_trains,
                                LinearCrossEntropySaved* saved);

// Returns the gradient of the loss sum with respect to x and, when the weight trains, overwrites
// dw [vocab, hidden]. `saved` is spent.
at::Tensor linear_cross_entropy_backward(const at::Tensor& x, const at::Tensor& weight,
                                         const at::Tensor& targets, LinearCrossEntropySaved& saved,
                                         at::Tensor dw);

// Rows in a chunk: at most 512, and at most 2^24 logits (64 MiB) unless the vocabulary is huge.
int64_t cross_entropy_chunk_rows(int64_t vocab_size);

}  // namespace temper
