// Matrix products of a linear layer, y = x W^T + b. x [T, in], W [out, in], b [out], y [T, out],
// all fp32 or all bf16; gradients of weights are fp32.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>

#include "kernels/products.h"

namespace temper {

// A product of at most so many rows in fp32 on a CPU is one of small M: a row of the result has the
// same bits whatever the other rows are. More rows are large products (kernels/products.h).
inline constexpr int64_t kSmallM = 128;

// x W^T + b + adapter; `bias` and `adapter` ([T, r] and [r, out]) may be undefined.
at::Tensor linear_forward(const at::Tensor& x, const at::Tensor& weight,
                          const at::Tensor& bias = {}, const Factors& adapter = {});

// residual + linear_forward(x, weight, bias, adapter).
at::Tensor linear_add(const at::Tensor& residual, const at::Tensor& x, const at::Tensor& weight,
                      const at::Tensor& bias = {}, const Factors& adapter = {});

// dx = dy W + adapter ([T, r] and [r, in]), or dx += these where `dx` is defined already.
void linear_input_gradient(const at::Tensor& dy, const at::Tensor& weight, at::Tensor& dx,
                           const Factors& adapter = {});

// Overwrites dw [out, in] with dy^T x.
void linear_weight_gradient(const at::Tensor& dy, const at::Tensor& x, at::Tensor dw);

// Overwrites db [out] with the column sums of dy, added in row order.
void linear_bias_gradient(const at::Tensor& dy, at::Tensor db);

}  // namespace temper
