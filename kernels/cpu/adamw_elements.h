// The loop of adamw_update on the CPU.
#pragma once

#include <cstdint>

namespace temper {

// The options of a step as the loop uses them, rounded to fp32 once.
struct AdamWFactors {
  float gradient_scale;
  float keep;  // 1 - lr decay
  float one_minus_beta1;
  float beta2;
  float one_minus_beta2;
  float sqrt_correction2;  // sqrt(1 - beta2^t)
  float epsilon;
  float step_size;  // lr / (1 - beta1^t)
};

void adamw_elements(float* w, const float* g, float* m, float* v, int64_t n,
                    const AdamWFactors& factors);

}  // namespace temper
