#include "kernels/linear.h"

#include <ATen/Parallel.h>

#include "common/error.h"
#include "kernels/cpu/column_sum.h"
#include "kernels/cpu/row_blocks.h"
#include "kernels/cpu/small_m_linear.h"
#include "kernels/operators.h"

namespace temper {

namespace {

at::Tensor small_m_linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                          const at::Tensor& residual, const Factors& adapter) {
  at::Tensor y = at::empty({x.size(0), weight.size(0)}, x.options());
  small_m_linear_out(y, x, weight, bias, residual);
  if (!adapter.left.defined()) return y;
  const at::Tensor b = adapter.right.t();
  if (!has_small_m(adapter.left, b)) return y.addmm_(adapter.left, adapter.right);
  small_m_linear_out(y, adapter.left, b, {}, y);
  return y;
}

}  // namespace

at::Tensor linear_forward(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                          const Factors& adapter) {
  if (has_small_m(x, weight)) return small_m_linear(x, weight, bias, {}, adapter);
  return bias.defined() ? product_plus(bias, x, weight.t(), adapter)
                        : product(x, weight.t(), adapter);
}

at::Tensor linear_add(const at::Tensor& residual, const at::Tensor& x, const at::Tensor& weight,
                      const at::Tensor& bias, const Factors& adapter) {
  if (has_small_m(x, weight)) return small_m_linear(x, weight, bias, residual, adapter);
  at::Tensor y = product_plus(residual, x, weight.t(), adapter);
  return bias.defined() ? y.add_(bias) : y;
}

void linear_input_gradient(const at::Tensor& dy, const at::Tensor& weight, at::Tensor& dx,
                           const Factors& adapter) {
  if (dx.defined()) {
    add_product_(dx, dy, weight, adapter);
  } else {
    dx = product(dy, weight, adapter);
  }
}

void linear_weight_gradient(const at::Tensor& dy, const at::Tensor& x, at::Tensor dw) {
  TEMPER_CHECK(dw.size(0) == dy.size(1) && dw.size(1) == x.size(1) && dw.is_contiguous(),
               "linear_weight_gradient: the gradient has another shape than the weight");
  product_out(dw, dy.t(), x);
}

void linear_bias_gradient(const at::Tensor& dy, at::Tensor db) {
  if (!has_cpu_loops(dy)) return operators_for(dy).column_sum(dy, db);
  const int64_t rows = dy.size(0), n = dy.size(1);
  TEMPER_CHECK(dy.is_contiguous() && db.is_contiguous() && db.numel() == n,
               "linear_bias_gradient: shapes do not agree");
  const float* in = dy.const_data_ptr<float>();
  float* out = db.data_ptr<float>();
  at::parallel_for(0, n, column_grain(rows),
                   [&](int64_t begin, int64_t end) { column_sums(in, rows, n, begin, end, out); });
}

}  // namespace temper
