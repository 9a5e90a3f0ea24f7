// Linear layers of small M, as decoding has them: the weights are read once and nothing is packed.
// Inside kernels/ only; callers use kernels/linear.h and kernels/lora_linear.h.
#pragma once

#include <ATen/ATen.h>

#include "kernels/linear.h"

namespace temper {

inline bool has_small_m(const at::Tensor& x, const at::Tensor& weight) {
  return x.is_cpu() && x.scalar_type() == at::kFloat && x.size(0) <= kSmallM && x.is_contiguous() &&
         weight.is_contiguous();
}

// out = scale x weight^T + bias + residual; bias and residual may be undefined, residual may be
// out. A row of the result has the same bits whatever the other rows are, on any number of threads.
void small_m_linear_out(at::Tensor out, const at::Tensor& x, const at::Tensor& weight,
                        const at::Tensor& bias = {}, const at::Tensor& residual = {},
                        double scale = 1.0);

}  // namespace temper
