// Token embedding: rows of a table.
#pragma once

#include <ATen/ATen.h>

namespace temper {

// weight [vocab, hidden], tokens [T] int64 -> [T, hidden]. A token outside the table throws.
at::Tensor embedding_forward(const at::Tensor& weight, const at::Tensor& tokens);

// Overwrites dw [vocab, hidden] fp32: the rows of dy [T, hidden] that share a token are added in
// token order, every other row becomes zero.
void embedding_weight_gradient(const at::Tensor& dy, const at::Tensor& tokens, at::Tensor dw);

}  // namespace temper
