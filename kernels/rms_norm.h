// Root-mean-square normalisation (Zhang & Sennrich, https://arxiv.org/abs/1910.07467):
//   y = weight * x / sqrt(mean(x^2) + epsilon)
// over the last dim of x [..., n], contiguous. x, weight, dy and residual are fp32 or all bf16;
// inverse_rms and dw are fp32. Everything here is a fresh tensor unless said.
#pragma once

#include <ATen/ATen.h>

namespace temper {

// 1 / sqrt(mean(x^2) + epsilon) of every row: [number of rows].
at::Tensor inverse_rms(const at::Tensor& x, double epsilon);

// weight * (x * inverse_rms). Backward calls it again rather than keeping y.
at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& inverse_rms);

// The gradient with respect to x, plus `residual` (of x's shape) when it is defined.
at::Tensor rms_norm_backward(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& weight,
                             const at::Tensor& inverse_rms, const at::Tensor& residual = {});

// Overwrites `dw` [n] with the gradient of the weight.
void rms_norm_weight_gradient(const at::Tensor& dy, const at::Tensor& x,
                              const at::Tensor& inverse_rms, at::Tensor dw);

}  // namespace temper
