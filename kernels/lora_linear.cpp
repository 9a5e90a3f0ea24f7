#include "kernels/lora_linear.h"

#include "common/error.h"
#include "kernels/cpu/small_m_linear.h"
#include "kernels/linear.h"

namespace temper {
namespace {

at::Tensor adapter_input(const at::Tensor& x, const LoraTerm& term) {
  return term.dropout > 0.0 ? dropout(x, term.dropout, term.key) : x;
}

}  // namespace

at::Tensor lora_low(const at::Tensor& x, const LoraTerm& term) {
  const at::Tensor input = adapter_input(x, term);
  if (!has_small_m(input, term.a)) return product(input, term.a.t()).mul_(term.scale);
  at::Tensor low = at::empty({x.size(0), term.a.size(0)}, x.options());
  small_m_linear_out(low, input, term.a, {}, {}, term.scale);
  return low;
}

Factors lora_factors(const at::Tensor& low, const LoraTerm& term) {
  return {low, term.b.t()};
}

at::Tensor lora_low_gradient(const at::Tensor& dy, const LoraTerm& term) {
  return product(dy, term.b).mul_(term.scale);
}

void lora_linear_input_gradient(const at::Tensor& dy, const at::Tensor& weight,
                                const at::Tensor& d_low, const LoraTerm& term, at::Tensor& dx) {
  if (term.dropout == 0.0) return linear_input_gradient(dy, weight, dx, {d_low, term.a});
  linear_input_gradient(dy, weight, dx);
  dx.add_(dropout(product(d_low, term.a), term.dropout, term.key));
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
