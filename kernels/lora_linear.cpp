#include "kernels/lora_linear.h"

#include "common/error.h"
#include "kernels/few_rows_linear.h"
#include "kernels/products.h"

namespace temper {
namespace {

at::Tensor adapter_input(const at::Tensor& x, const LoraTerm& term) {
  return term.dropout > 0.0 ? dropout(x, term.dropout, term.key) : x;
}

}  // namespace

at::Tensor lora_linear_(at::Tensor y, const at::Tensor& x, const LoraTerm& term) {
  const at::Tensor input = adapter_input(x, term);
  if (has_few_rows(input, term.a) && has_few_rows(y, term.b)) {
    at::Tensor low = at::empty({x.size(0), term.a.size(0)}, x.options());
    few_rows_linear_out(low, input, term.a, {}, {}, term.scale);
    few_rows_linear_out(y, low, term.b, {}, y);
    return low;
  }
  at::Tensor low = at::mm(input, term.a.t()).mul_(term.scale);
  y.addmm_(low, term.b.t());
  return low;
}

at::Tensor lora_low_gradient(const at::Tensor& dy, const LoraTerm& term) {
  return at::mm(dy, term.b).mul_(term.scale);
}

void lora_input_gradient_(at::Tensor dx, const at::Tensor& d_low, const LoraTerm& term) {
  if (term.dropout > 0.0) {
    dx.add_(dropout(at::mm(d_low, term.a), term.dropout, term.key));
  } else {
    dx.addmm_(d_low, term.a);
  }
}

void lora_weight_gradients(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& low,
                           const at::Tensor& d_low, const LoraTerm& term, at::Tensor grad_a,
                           at::Tensor grad_b) {
  TEMPER_CHECK(grad_a.sizes() == term.a.sizes() && grad_b.sizes() == term.b.sizes() &&
                   grad_a.is_contiguous() && grad_b.is_contiguous(),
               "lora_weight_gradients: a gradient has another shape than its weight");
  product_out(grad_a, d_low.t(), adapter_input(x, term));
  product_out(grad_b, dy.t(), low);
}

}  // namespace temper
