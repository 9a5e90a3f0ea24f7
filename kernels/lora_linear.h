// The low-rank term of an adapted linear layer (Hu et al., https://arxiv.org/abs/2106.09685):
//   y += scale (dropout(x) A^T) B^T,   x [T, in], A [r, in], B [out, r], y [T, out].
#pragma once

#include <ATen/ATen.h>

#include <optional>

#include "kernels/dropout.h"

namespace temper {

struct LoraTerm {
  at::Tensor a;
  at::Tensor b;
  double scale = 1.0;
  double dropout = 0.0;  // of the adapter's input; 0 outside training
  DropoutKey key;
};

// Adds the term to y in place. Returns scale dropout(x) A^T [T, r], which backward needs.
at::Tensor lora_linear_(at::Tensor y, const at::Tensor& x, const LoraTerm& term);

// `low` is what lora_linear_ returned. Overwrites grad_a and grad_b where they are defined, and
// adds the term's share to dx [T, in] where that is defined.
void lora_linear_backward(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& low,
                          const LoraTerm& term, at::Tensor grad_a, at::Tensor grad_b,
                          at::Tensor dx);

}  // namespace temper
