// The gated activation of the feed-forward layer (Shazeer, https://arxiv.org/abs/2002.05202):
//   y = silu(gate) * up,  silu(x) = x sigmoid(x)
// element by element on contiguous tensors of one shape and type, fp32 or bf16.
#pragma once

#include <ATen/ATen.h>

namespace temper {

at::Tensor swiglu(const at::Tensor& gate, const at::Tensor& up);

// Backward in the forward's memory: `gate` and `up` are overwritten with their gradients, and `dy`
// with y itself, which the next layer's weight gradient needs.
void swiglu_backward_(at::Tensor gate, at::Tensor up, at::Tensor dy);

}  // namespace temper
