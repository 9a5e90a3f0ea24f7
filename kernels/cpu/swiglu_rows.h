// The loops of swiglu on the CPU.
#pragma once

#include <cstdint>

namespace temper {

// out[i] = gate[i] sigmoid(gate[i]) up[i]; out may be gate or up.
void swiglu_elements(const float* gate, const float* up, int64_t n, float* out);

// Works in place: gate becomes d(gate), up becomes d(up), and d_out becomes the forward's output
// again.
void swiglu_backward_elements(float* gate, float* up, float* d_out, int64_t n);

}  // namespace temper
