#include "kernels/cpu/adamw_elements.h"

#include <cmath>

#include "kernels/cpu/float8.h"

namespace temper {

TEMPER_MULTIVERSION void adamw_elements(float* __restrict w, const float* __restrict g,
                                        float* __restrict m, float* __restrict v, int64_t n,
                                        const AdamWFactors& factors) {
  const AdamWFactors f = factors;
  for (int64_t i = 0; i < n; ++i) {
    const float gradient = g[i] * f.gradient_scale;
    m[i] += f.one_minus_beta1 * (gradient - m[i]);
    v[i] = v[i] * f.beta2 + f.one_minus_beta2 * gradient * gradient;
    const float denominator = std::sqrt(v[i]) / f.sqrt_correction2 + f.epsilon;
    w[i] = w[i] * f.keep - f.step_size * (m[i] / denominator);
  }
}

}  // namespace temper
