// AdamW (Loshchilov & Hutter, https://arxiv.org/abs/1711.05101), with torch.optim.AdamW's formula:
//   w *= 1 - lr decay;  m += (1 - beta1)(g - m);  v = beta2 v + (1 - beta2) g^2
//   w -= lr / (1 - beta1^t) * m / (sqrt(v) / sqrt(1 - beta2^t) + epsilon)
#pragma once

#include <ATen/ATen.h>

#include <cstdint>

#include "kernels/cpu/adamw_elements.h"

namespace temper {

struct AdamWOptions {
  double learning_rate = 0.0;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0.0;
  double gradient_scale = 1.0;  // g above is the stored gradient times this
  int64_t step = 1;             // t, from 1
};

// The options as the loops over elements use them. Inside kernels/ only.
AdamWFactors adamw_factors(const AdamWOptions& options);

// Updates in place, on the CPU. An element's new bits depend on that element alone, not on n, on
// alignment or on the number of threads.
void adamw_update(float* w, const float* g, float* m, float* v, int64_t n,
                  const AdamWOptions& options);

// Updates contiguous fp32 tensors of one size, on any device.
void adamw_update(at::Tensor w, const at::Tensor& g, at::Tensor m, at::Tensor v,
                  const AdamWOptions& options);

}  // namespace temper
