// The low-rank term of an adapted linear layer (Hu et al., https://arxiv.org/abs/2106.09685):
//   y += scale (dropout(x) A^T) B^T,   x [T, in], A [r, in], B [out, r], y [T, out],
// all fp32 or all bf16.
#pragma once

#include <ATen/ATen.h>

#include "kernels/dropout.h"

namespace temper {

struct LoraTerm {
  at::Tensor a;
  at::Tensor b;
  double scale = 1.0;
  double dropout = 0.0;  // of the adapter's input; 0 outside training
  DropoutKey key;
};

// Adds the term to y in place. Returns `low` = scale dropout(x) A^T [T, r], which backward needs.
at::Tensor lora_linear_(at::Tensor y, const at::Tensor& x, const LoraTerm& term);

// The gradient of dropout(x) A^T: d_low = scale dy B [T, r]. The two below start from it.
at::Tensor lora_low_gradient(const at::Tensor& dy, const LoraTerm& term);

// Adds the term's share to dx [T, in].
void lora_input_gradient_(at::Tensor dx, const at::Tensor& d_low, const LoraTerm& term);

// Overwrites grad_a [r, in] and grad_b [out, r], fp32.
void lora_weight_gradients(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& low,
                           const at::Tensor& d_low, const LoraTerm& term, at::Tensor grad_a,
                           at::Tensor grad_b);

}  // namespace temper
