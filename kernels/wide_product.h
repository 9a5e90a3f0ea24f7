// Matrix products whose result may be wider than their operands: gradients of weights and logits
// are fp32 where activations are bf16. Inside kernels/ only.
#pragma once

#include <ATen/ATen.h>

namespace temper {

// out [m, n] = a b, of a [m, k] and b [k, n] in one type; out in theirs, or in fp32.
void product_out(at::Tensor out, const at::Tensor& a, const at::Tensor& b);
// out += a b.
void add_product_(at::Tensor out, const at::Tensor& a, const at::Tensor& b);

}  // namespace temper
