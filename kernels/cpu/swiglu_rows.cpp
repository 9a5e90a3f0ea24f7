#include "kernels/cpu/swiglu_rows.h"

#include "kernels/cpu/float8.h"

namespace temper {
namespace {

TEMPER_INLINE Float8 sigmoid8(Float8 x) {
  return 1.0f / (1.0f + exp8(-x));
}

TEMPER_INLINE void backward8(Float8& gate, Float8& up, Float8& d_out) {
  const Float8 sigmoid = sigmoid8(gate);
  const Float8 silu = gate * sigmoid;
  const Float8 d_silu = sigmoid * (1.0f + gate * (1.0f - sigmoid));
  const Float8 out = silu * up;
  gate = d_out * up * d_silu;
  up = d_out * silu;
  d_out = out;
}

}  // namespace

TEMPER_MULTIVERSION void swiglu_elements(const float* gate, const float* up, int64_t n,
                                         float* out) {
  int64_t i = 0;
  for (; i + 8 <= n; i += 8) {
    const Float8 g = load8(gate + i);
    store8(out + i, g * sigmoid8(g) * load8(up + i));
  }
  if (i < n) {
    const Float8 g = load_part8(gate + i, n - i, 0.0f);
    store_part8(out + i, g * sigmoid8(g) * load_part8(up + i, n - i, 0.0f), n - i);
  }
}

TEMPER_MULTIVERSION void swiglu_backward_elements(float* gate, float* up, float* d_out, int64_t n) {
  int64_t i = 0;
  for (; i + 8 <= n; i += 8) {
    Float8 g = load8(gate + i), u = load8(up + i), d = load8(d_out + i);
    backward8(g, u, d);
    store8(gate + i, g);
    store8(up + i, u);
    store8(d_out + i, d);
  }
  if (i < n) {
    const int64_t rest = n - i;
    Float8 g = load_part8(gate + i, rest, 0.0f), u = load_part8(up + i, rest, 0.0f);
    Float8 d = load_part8(d_out + i, rest, 0.0f);
    backward8(g, u, d);
    store_part8(gate + i, g, rest);
    store_part8(up + i, u, rest);
    store_part8(d_out + i, d, rest);
  }
}

}  // namespace temper
