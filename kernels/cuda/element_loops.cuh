// Loops over elements on a GPU, one to a thread. T is float or Bf16, arithmetic is fp32.
#pragma once

#include <cmath>
#include <cstdint>

#include "kernels/cpu/adamw_elements.h"
#include "kernels/cuda/device_math.cuh"

namespace temper {

// A thread turns one pair of x [tokens, heads, 2 half]. A position outside the table gives NaN.
template <typename T>
__global__ void rope_pairs(T* x, const int64_t* positions, const float* cos, const float* sin,
                           float sign, int64_t heads, int64_t half, int64_t num_pairs,
                           int64_t table_rows) {
  const int64_t pair = element_index();
  if (pair >= num_pairs) return;
  const int64_t i = pair % half, row = pair / half, position = positions[row / heads];
  const bool inside = position >= 0 && position < table_rows;
  const float c = inside ? cos[position * half + i] : NAN;
  const float rotated = inside ? sign * sin[position * half + i] : NAN;
  T* first = x + row * 2 * half + i;
  const float a = widen(first[0]), b = widen(first[half]);
  store(first[0], a * c - b * rotated);
  store(first[half], b * c + a * rotated);
}

__device__ inline float sigmoid(float x) {
  return 1.0f / (1.0f + expf(-x));
}

template <typename T>
__global__ void swiglu_elements(const T* gate, const T* up, int64_t n, T* y) {
  const int64_t i = element_index();
  if (i >= n) return;
  const float g = widen(gate[i]);
  store(y[i], g * sigmoid(g) * widen(up[i]));
}

// Works in place: gate becomes d(gate), up becomes d(up), and dy the forward's output again.
template <typename T>
__global__ void swiglu_backward_elements(T* gate, T* up, T* dy, int64_t n) {
  const int64_t i = element_index();
  if (i >= n) return;
  const float g = widen(gate[i]), u = widen(up[i]), d = widen(dy[i]);
  const float s = sigmoid(g), silu = g * s;
  store(gate[i], d * u * (s * (1.0f + g * (1.0f - s))));
  store(up[i], d * silu);
  store(dy[i], silu * u);
}

// Ten rounds of Philox4x32 on `counter` under the key (common/philox.cpp).
__device__ inline void philox(uint32_t key0, uint32_t key1, uint32_t (&counter)[4]) {
  for (int round = 0; round < 10; ++round) {
    const uint64_t product0 = static_cast<uint64_t>(0xD2511F53u) * counter[0];
    const uint64_t product1 = static_cast<uint64_t>(0xCD9E8D57u) * counter[2];
    counter[0] = static_cast<uint32_t>(product1 >> 32) ^ counter[1] ^ key0;
    counter[1] = static_cast<uint32_t>(product1);
    counter[2] = static_cast<uint32_t>(product0 >> 32) ^ counter[3] ^ key1;
    counter[3] = static_cast<uint32_t>(product0);
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
}

// A thread draws one Philox block, which decides eight elements of a group of 64: those whose place
// in the group is the block's modulo 8 (kernels/cpu/dropout_elements.h).
template <typename T>
__global__ void dropout_blocks(const T* x, int64_t n, int64_t num_blocks, uint32_t key0,
                               uint32_t key1, uint64_t counter_high, uint32_t threshold,
                               float scale, T* y) {
  const int64_t block = element_index();
  if (block >= num_blocks) return;
  uint32_t words[4] = {static_cast<uint32_t>(block), static_cast<uint32_t>(block >> 32),
                       static_cast<uint32_t>(counter_high),
                       static_cast<uint32_t>(counter_high >> 32)};
  philox(key0, key1, words);
  for (int k = 0; k < 8; ++k) {
    const int64_t i = block / 8 * 64 + block % 8 + 8 * k;
    const uint32_t bits = k % 2 == 0 ? words[k / 2] & 0xFFFFu : words[k / 2] >> 16;
    if (i < n) store(y[i], bits >= threshold ? widen(x[i]) * scale : 0.0f);
  }
}

// Does the same operations in the same order as the CPU, so that the bits are the same.
inline __global__ void adamw_update_elements(float* w, const float* g, float* m, float* v,
                                             int64_t n, AdamWFactors f) {
  const int64_t i = element_index();
  if (i >= n) return;
  const float gradient = g[i] * f.gradient_scale;
  const float mean = m[i] + f.one_minus_beta1 * (gradient - m[i]);
  const float square = v[i] * f.beta2 + f.one_minus_beta2 * gradient * gradient;
  const float denominator = sqrtf(square) / f.sqrt_correction2 + f.epsilon;
  m[i] = mean;
  v[i] = square;
  w[i] = w[i] * f.keep - f.step_size * (mean / denominator);
}

}  // namespace temper
