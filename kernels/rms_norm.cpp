#include "kernels/rms_norm.h"

#include <ATen/Parallel.h>

#include "common/error.h"
#include "kernels/cpu/rms_norm_rows.h"
#include "kernels/cpu/row_blocks.h"
#include "kernels/operators.h"

namespace temper {

at::Tensor inverse_rms(const at::Tensor& x, double epsilon) {
  const int64_t n = x.size(-1), rows = x.numel() / n;
  if (!has_cpu_loops(x)) return operators_for(x).inverse_rms(x, epsilon);
  TEMPER_CHECK(x.is_contiguous(), "inverse_rms: x is not contiguous");
  at::Tensor result = at::empty({rows}, x.options());
  const float* in = x.const_data_ptr<float>();
  float* out = result.data_ptr<float>();
  at::parallel_for(0, rows, row_grain(n), [&](int64_t begin, int64_t end) {
    inverse_rms_rows(in + begin * n, end - begin, n, epsilon, out + begin);
  });
  return result;
}

at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& inverse_rms) {
  const int64_t n = x.size(-1), rows = x.numel() / n;
  if (!has_cpu_loops(x)) return operators_for(x).rms_norm(x, weight, inverse_rms);
  TEMPER_CHECK(x.is_contiguous() && weight.numel() == n && inverse_rms.numel() == rows,
               "rms_norm: shapes do not agree");
  at::Tensor y = at::empty_like(x);
  const float* in = x.const_data_ptr<float>();
  const float* w = weight.const_data_ptr<float>();
  const float* scale = inverse_rms.const_data_ptr<float>();
  float* out = y.data_ptr<float>();
  at::parallel_for(0, rows, row_grain(n), [&](int64_t begin, int64_t end) {
    rms_norm_rows(in + begin * n, w, scale + begin, end - begin, n, out + begin * n);
  });
  return y;
}

at::Tensor rms_norm_backward(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& weight,
                             const at::Tensor& inverse_rms, const at::Tensor& residual) {
  const int64_t n = x.size(-1), rows = x.numel() / n;
  if (!has_cpu_loops(x)) {
    return operators_for(x).rms_norm_backward(dy, x, weight, inverse_rms, residual);
  }
  TEMPER_CHECK(
      x.is_contiguous() && dy.is_contiguous() && dy.numel() == x.numel() && weight.numel() == n &&
          inverse_rms.numel() == rows &&
          (!residual.defined() || (residual.is_contiguous() && residual.numel() == x.numel())),
      "rms_norm_backward: shapes do not agree");
  at::Tensor dx = at::empty_like(x);
  const float* dy_data = dy.const_data_ptr<float>();
  const float* x_data = x.const_data_ptr<float>();
  const float* w = weight.const_data_ptr<float>();
  const float* scale = inverse_rms.const_data_ptr<float>();
  const float* add = residual.defined() ? residual.const_data_ptr<float>() : nullptr;
  float* out = dx.data_ptr<float>();
  at::parallel_for(0, rows, row_grain(n), [&](int64_t begin, int64_t end) {
    rms_norm_backward_rows(dy_data + begin * n, x_data + begin * n, w, scale + begin,
                           add == nullptr ? nullptr : add + begin * n, end - begin, n,
                           out + begin * n);
  });
  return dx;
}

void rms_norm_weight_gradient(const at::Tensor& dy, const at::Tensor& x,
                              const at::Tensor& inverse_rms, at::Tensor dw) {
  const int64_t n = x.size(-1), rows = x.numel() / n;
  if (!has_cpu_loops(x)) {
    return operators_for(x).rms_norm_weight_gradient(dy, x, inverse_rms, dw);
  }
  TEMPER_CHECK(x.is_contiguous() && dy.is_contiguous() && dw.is_contiguous() &&
                   dy.numel() == x.numel() && dw.numel() == n && inverse_rms.numel() == rows,
               "rms_norm_weight_gradient: shapes do not agree");
  const float* dy_data = dy.const_data_ptr<float>();
  const float* x_data = x.const_data_ptr<float>();
  const float* scale = inverse_rms.const_data_ptr<float>();
  float* out = dw.data_ptr<float>();
  at::parallel_for(0, n, column_grain(rows), [&](int64_t begin, int64_t end) {
    rms_norm_weight_columns(dy_data, x_data, scale, rows, n, begin, end, out);
  });
}

}  // namespace temper
