// The device loops share this: bf16 as bits, and sums over a block in a fixed order. No header of
// CUDA's is needed, so that a test can compile the loops for the host (tests/unit/kernels).
#pragma once

#include <cstdint>

namespace temper {

// Threads of every block.
constexpr int kThreads = 256;

struct Bf16 {
  uint16_t bits;
};

__device__ inline float widen(float x) {
  return x;
}

__device__ inline float widen(Bf16 x) {
  return __uint_as_float(static_cast<uint32_t>(x.bits) << 16);
}

// To the nearest, ties to even; NaN stays NaN.
__device__ inline void store(Bf16& out, float x) {
  const uint32_t bits = __float_as_uint(x);
  const bool is_nan = (bits & 0x7fffffffu) > 0x7f800000u;
  out.bits = is_nan ? 0x7fff : static_cast<uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

__device__ inline void store(float& out, float x) {
  out = x;
}

// The sum of every thread's value, on every thread: a tree whose shape depends on kThreads alone.
template <typename Real>
__device__ Real block_sum(Real value) {
  __shared__ Real parts[kThreads];
  const int thread = static_cast<int>(threadIdx.x);
  parts[thread] = value;
  __syncthreads();
  for (int half = kThreads / 2; half > 0; half /= 2) {
    if (thread < half) parts[thread] += parts[thread + half];
    __syncthreads();
  }
  const Real sum = parts[0];
  __syncthreads();  // all have read it before the next call writes
  return sum;
}

__device__ inline float block_max(float value) {
  __shared__ float parts[kThreads];
  const int thread = static_cast<int>(threadIdx.x);
  parts[thread] = value;
  __syncthreads();
  for (int half = kThreads / 2; half > 0; half /= 2) {
    if (thread < half) parts[thread] = fmaxf(parts[thread], parts[thread + half]);
    __syncthreads();
  }
  const float max = parts[0];
  __syncthreads();
  return max;
}

// The element of a one-dimensional grid that this thread works on.
__device__ inline int64_t element_index() {
  return static_cast<int64_t>(blockIdx.x) * kThreads + static_cast<int64_t>(threadIdx.x);
}

}  // namespace temper
