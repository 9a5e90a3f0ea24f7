#include "kernels/cpu/rms_norm_rows.h"

#include <algorithm>
#include <cmath>

#include "kernels/cpu/float8.h"

namespace temper {

TEMPER_MULTIVERSION void inverse_rms_rows(const float* x, int64_t rows, int64_t n, double epsilon,
                                          float* inverse_rms) {
  for (int64_t r = 0; r < rows; ++r) {
    const float* row = x + r * n;
    Float8 even = {}, odd = {};
    int64_t i = 0;
    for (; i + 16 <= n; i += 16) {
      const Float8 a = load8(row + i), b = load8(row + i + 8);
      even += a * a;
      odd += b * b;
    }
    for (; i + 8 <= n; i += 8) {
      const Float8 a = load8(row + i);
      even += a * a;
    }
    if (i < n) {
      const Float8 a = load_part8(row + i, n - i, 0.0f);
      odd += a * a;
    }
    const double mean = static_cast<double>(sum_lanes(even + odd)) / static_cast<double>(n);
    inverse_rms[r] = static_cast<float>(1.0 / std::sqrt(mean + epsilon));
  }
}

TEMPER_MULTIVERSION void rms_norm_rows(const float* x, const float* weight,
                                       const float* inverse_rms, int64_t rows, int64_t n,
                                       float* y) {
  for (int64_t r = 0; r < rows; ++r) {
    const float scale = inverse_rms[r];
    const float* in = x + r * n;
    float* out = y + r * n;
    for (int64_t i = 0; i < n; ++i) out[i] = weight[i] * (in[i] * scale);
  }
}

TEMPER_MULTIVERSION void rms_norm_backward_rows(const float* dy, const float* x,
                                                const float* weight, const float* inverse_rms,
                                                const float* residual, int64_t rows, int64_t n,
                                                float* dx) {
  for (int64_t r = 0; r < rows; ++r) {
    const float* dy_row = dy + r * n;
    const float* x_row = x + r * n;
    float* out = dx + r * n;
    Float8 sum = {};
    int64_t i = 0;
    for (; i + 8 <= n; i += 8) sum += load8(dy_row + i) * load8(weight + i) * load8(x_row + i);
    if (i < n) {
      sum += load_part8(dy_row + i, n - i, 0.0f) * load_part8(weight + i, n - i, 0.0f) *
             load_part8(x_row + i, n - i, 0.0f);
    }
    const float scale = inverse_rms[r];
    const float along = sum_lanes(sum) / static_cast<float>(n) * scale * scale;
    if (residual == nullptr) {
      for (i = 0; i < n; ++i) out[i] = scale * (dy_row[i] * weight[i] - x_row[i] * along);
    } else {
      const float* add = residual + r * n;
      for (i = 0; i < n; ++i) {
        out[i] = add[i] + scale * (dy_row[i] * weight[i] - x_row[i] * along);
      }
    }
  }
}

TEMPER_MULTIVERSION void rms_norm_weight_columns(const float* dy, const float* x,
                                                 const float* inverse_rms, int64_t rows, int64_t n,
                                                 int64_t begin, int64_t end, float* dw) {
  std::fill(dw + begin, dw + end, 0.0f);
  for (int64_t r = 0; r < rows; ++r) {
    const float scale = inverse_rms[r];
    const float* dy_row = dy + r * n;
    const float* x_row = x + r * n;
    for (int64_t c = begin; c < end; ++c) dw[c] += dy_row[c] * (x_row[c] * scale);
  }
}

}  // namespace temper
