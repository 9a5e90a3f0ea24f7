#include "kernels/lora_linear.h"

namespace temper {

at::Tensor lora_linear_(at::Tensor y, const at::Tensor& x, const LoraTerm& term) {
  const at::Tensor in = term.dropout > 0.0 ? dropout(x, term.dropout, term.key) : x;
  at::Tensor low = at::mm(in, term.a.t()).mul_(term.scale);
  y.addmm_(low, term.b.t());
  return low;
}

void lora_linear_backward(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& low,
                          const LoraTerm& term, at::Tensor grad_a, at::Tensor grad_b,
                          at::Tensor dx) {
  if (grad_b.defined()) at::mm_out(grad_b, dy.t(), low);
  const at::Tensor d_low = at::mm(dy, term.b).mul_(term.scale);
  if (grad_a.defined()) {
    at::mm_out(grad_a, d_low.t(), term.dropout > 0.0 ? dropout(x, term.dropout, term.key) : x);
  }
  if (!dx.defined()) return;
  if (term.dropout > 0.0) {
    dx.add_(dropout(at::mm(d_low, term.a), term.dropout, term.key));
  } else {
    dx.addmm_(d_low, term.a);
  }
}

}  // namespace temper
