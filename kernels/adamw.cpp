#include "kernels/adamw.h"

#include <ATen/Parallel.h>

#include <cmath>

#include "common/error.h"
#include "kernels/operators.h"

namespace temper {
namespace {

constexpr int64_t kGrain = 65536;

}  // namespace

AdamWFactors adamw_factors(const AdamWOptions& h) {
  TEMPER_CHECK(h.step >= 1, "adamw_update: step {}", h.step);
  const auto t = static_cast<double>(h.step);
  AdamWFactors f;
  f.gradient_scale = static_cast<float>(h.gradient_scale);
  f.keep = static_cast<float>(1.0 - h.learning_rate * h.weight_decay);
  f.one_minus_beta1 = static_cast<float>(1.0 - h.beta1);
  f.beta2 = static_cast<float>(h.beta2);
  f.one_minus_beta2 = static_cast<float>(1.0 - h.beta2);
  f.sqrt_correction2 = static_cast<float>(std::sqrt(1.0 - std::pow(h.beta2, t)));
  f.epsilon = static_cast<float>(h.epsilon);
  f.step_size = static_cast<float>(h.learning_rate / (1.0 - std::pow(h.beta1, t)));
  return f;
}

void adamw_update(float* w, const float* g, float* m, float* v, int64_t n,
                  const AdamWOptions& options) {
  const AdamWFactors factors = adamw_factors(options);
  at::parallel_for(0, n, kGrain, [&](int64_t begin, int64_t end) {
    adamw_elements(w + begin, g + begin, m + begin, v + begin, end - begin, factors);
  });
}

void adamw_update(at::Tensor w, const at::Tensor& g, at::Tensor m, at::Tensor v,
                  const AdamWOptions& options) {
  if (!has_cpu_loops(w)) return operators_for(w).adamw_update(w, g, m, v, options);
  TEMPER_CHECK(w.is_contiguous() && g.is_contiguous() && m.is_contiguous() && v.is_contiguous() &&
                   g.numel() == w.numel() && m.numel() == w.numel() && v.numel() == w.numel(),
               "adamw_update: shapes do not agree");
  adamw_update(w.data_ptr<float>(), g.const_data_ptr<float>(), m.data_ptr<float>(),
               v.data_ptr<float>(), w.numel(), options);
}

}  // namespace temper
