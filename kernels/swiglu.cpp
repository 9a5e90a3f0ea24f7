#include "kernels/swiglu.h"

#include <ATen/Parallel.h>

#include "common/error.h"
#include "kernels/cpu/swiglu_rows.h"
#include "kernels/operators.h"

namespace temper {
namespace {

constexpr int64_t kGrain = 16384;

}  // namespace

at::Tensor swiglu(const at::Tensor& gate, const at::Tensor& up) {
  if (!has_cpu_loops(gate)) return operators_for(gate).swiglu(gate, up);
  TEMPER_CHECK(gate.is_contiguous() && up.is_contiguous() && gate.numel() == up.numel(),
               "swiglu: shapes do not agree");
  at::Tensor y = at::empty_like(gate);
  const float* g = gate.const_data_ptr<float>();
  const float* u = up.const_data_ptr<float>();
  float* out = y.data_ptr<float>();
  at::parallel_for(0, gate.numel(), kGrain, [&](int64_t begin, int64_t end) {
    swiglu_elements(g + begin, u + begin, end - begin, out + begin);
  });
  return y;
}

void swiglu_backward_(at::Tensor gate, at::Tensor up, at::Tensor dy) {
  if (!has_cpu_loops(gate)) return operators_for(gate).swiglu_backward_(gate, up, dy);
  TEMPER_CHECK(gate.is_contiguous() && up.is_contiguous() && dy.is_contiguous() &&
                   gate.numel() == up.numel() && gate.numel() == dy.numel(),
               "swiglu_backward_: shapes do not agree");
  float* g = gate.data_ptr<float>();
  float* u = up.data_ptr<float>();
  float* d = dy.data_ptr<float>();
  at::parallel_for(0, gate.numel(), kGrain, [&](int64_t begin, int64_t end) {
    swiglu_backward_elements(g + begin, u + begin, d + begin, end - begin);
  });
}

}  // namespace temper
