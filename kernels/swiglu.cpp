#include "kernels/swiglu.h"

#include <ATen/Parallel.h>

#include "common/error.h"
#include "kernels/cpu/swiglu_rows.h"

namespace temper {
namespace {

constexpr int64_t kGrain = 16384;

}  // namespace

at::Tensor swiglu(const at::Tensor& gate, const at::Tensor& up) {
  if (!gate.is_cpu()) return at::silu(gate) * up;
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
  if (!gate.is_cpu()) {
    const at::Tensor sigmoid = at::sigmoid(gate), silu = gate * sigmoid, y = silu * up;
    gate.copy_(dy * up * sigmoid * (1.0 + gate * (1.0 - sigmoid)));
    up.copy_(dy * silu);
    dy.copy_(y);
    return;
  }
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
