// The low-rank term of an adapted linear layer (Hu et al., https://arxiv.org/abs/2106.09685):
//   y = x W^T + scale (dropout(x) A^T) B^T,   x [T, in], A [r, in], B [out, r], y [T, out],
// all fp32 or all bf16.
#pragma once

#include <ATen/ATen.h>

#include "kernels/dropout.h"
#include "kernels/products.h"

namespace temper {

struct LoraTerm {
  at::Tensor a;
  at::Tensor b;
  double scale = 1.0;
  double dropout = 0.0;  // of the adapter's input; 0 outside training
  DropoutKey key;
};

// low = scale dropout(x) A^T [T, r], which backward needs.
at::Tensor lora_low(const at::Tensor& x, const LoraTerm& term);

// low B^T, for linear_forward and linear_add to add.
Factors lora_factors(const at::Tensor& low, const LoraTerm& term);

// The gradient of dropout(x) A^T: d_low = scale dy B [T, r]. The two below start from it.
at::Tensor lora_low_gradient(const at::Tensor& dy, const LoraTerm& term);

// dx = dy W + the term's share, or dx += these where `dx` is defined already.
void lora_linear_input_gradient(const at::Tensor& dy, const at::Tensor& weight,
                                const at::Tensor& d_low, const LoraTerm& term, at::Tensor& dx);

// Overwrites grad_a [r, in] and grad_b [out, r], fp32.
void lora_weight_gradients(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& low,
                           const at::Tensor& d_low, const LoraTerm& term, at::Tensor grad_a,
                           at::Tensor grad_b);

}  // namespace temper
