// Loops over rows on a GPU: a block works on a row of n elements, or a thread on a column. T is
// float or Bf16; sums are fp32 in a fixed order, so that a shape always gives the same bits.
#pragma once

#include <cmath>
#include <cstdint>

#include "kernels/cuda/device_math.cuh"

namespace temper {

template <typename T>
__global__ void inverse_rms_rows(const T* x, int64_t n, double epsilon, float* inverse_rms) {
  const int64_t row = blockIdx.x;
  const T* in = x + row * n;
  float sum = 0.0f;
  for (int64_t i = threadIdx.x; i < n; i += kThreads) sum += widen(in[i]) * widen(in[i]);
  const double mean = static_cast<double>(block_sum(sum)) / static_cast<double>(n);
  if (threadIdx.x == 0) inverse_rms[row] = static_cast<float>(1.0 / sqrt(mean + epsilon));
}

template <typename T>
__global__ void rms_norm_rows(const T* x, const T* weight, const float* inverse_rms, int64_t n,
                              T* y) {
  const int64_t row = blockIdx.x;
  const float scale = inverse_rms[row];
  for (int64_t i = threadIdx.x; i < n; i += kThreads) {
    store(y[row * n + i], widen(weight[i]) * (widen(x[row * n + i]) * scale));
  }
}

// `residual` may be null.
template <typename T>
__global__ void rms_norm_backward_rows(const T* dy, const T* x, const T* weight,
                                       const float* inverse_rms, const T* residual, int64_t n,
                                       T* dx) {
  const int64_t begin = static_cast<int64_t>(blockIdx.x) * n;
  float sum = 0.0f;
  for (int64_t i = threadIdx.x; i < n; i += kThreads) {
    sum += widen(dy[begin + i]) * widen(weight[i]) * widen(x[begin + i]);
  }
  const float scale = inverse_rms[blockIdx.x];
  const float along = block_sum(sum) / static_cast<float>(n) * scale * scale;
  for (int64_t i = threadIdx.x; i < n; i += kThreads) {
    const float g = widen(dy[begin + i]) * widen(weight[i]);
    const float own = scale * (g - widen(x[begin + i]) * along);
    store(dx[begin + i], residual == nullptr ? own : widen(residual[begin + i]) + own);
  }
}

// Returns what a column sum adds at (row, column).
template <typename T>
struct NormProduct {
  const T* dy;
  const T* x;
  const float* inverse_rms;
  int64_t n;
  __device__ float at(int64_t row, int64_t column) const {
    return widen(dy[row * n + column]) * (widen(x[row * n + column]) * inverse_rms[row]);
  }
};

template <typename T>
struct Element {
  const T* x;
  int64_t n;
  __device__ float at(int64_t row, int64_t column) const { return widen(x[row * n + column]); }
};

// parts[p][column]: the sum over rows [p rows_per_part, ...) in order; p is the grid's y.
template <typename Term>
__global__ void column_parts(Term term, int64_t rows, int64_t n, int64_t rows_per_part,
                             float* parts) {
  const int64_t column = element_index(), part = blockIdx.y;
  if (column >= n) return;
  const int64_t begin = part * rows_per_part;
  const int64_t end = begin + rows_per_part < rows ? begin + rows_per_part : rows;
  float sum = 0.0f;
  for (int64_t row = begin; row < end; ++row) sum += term.at(row, column);
  parts[part * n + column] = sum;
}

inline __global__ void add_column_parts(const float* parts, int64_t num_parts, int64_t n,
                                        float* out) {
  const int64_t column = element_index();
  if (column >= n) return;
  float sum = 0.0f;
  for (int64_t part = 0; part < num_parts; ++part) sum += parts[part * n + column];
  out[column] = sum;
}

// dw [vocab, hidden] is zero before. `tokens` are sorted and order[i] is the row of dy that
// tokens[i] came from, rising among equal tokens: the first block of a run adds its rows in order.
template <typename T>
__global__ void embedding_gradient_rows(const T* dy, const int64_t* tokens, const int64_t* order,
                                        int64_t num_tokens, int64_t hidden, int64_t vocab,
                                        float* dw) {
  const int64_t first = blockIdx.x, token = tokens[first];
  if (first > 0 && tokens[first - 1] == token) return;
  if (token < 0 || token >= vocab) return;  // the forward has failed on it
  for (int64_t i = threadIdx.x; i < hidden; i += kThreads) {
    float sum = 0.0f;
    for (int64_t t = first; t < num_tokens && tokens[t] == token; ++t) {
      sum += widen(dy[order[t] * hidden + i]);
    }
    dw[token * hidden + i] = sum;
  }
}

// The loss of a row whose target is no column is NaN, which ends the step.
inline __global__ void cross_entropy_rows(const float* logits, const int64_t* targets,
                                          int64_t vocab, float* logsumexp, double* losses) {
  const int64_t row = blockIdx.x, target = targets[row];
  const float* in = logits + row * vocab;
  float max = -INFINITY;
  for (int64_t i = threadIdx.x; i < vocab; i += kThreads) max = fmaxf(max, in[i]);
  max = block_max(max);
  float sum = 0.0f;
  for (int64_t i = threadIdx.x; i < vocab; i += kThreads) sum += expf(in[i] - max);
  const double total = block_sum(static_cast<double>(sum));
  if (threadIdx.x != 0) return;
  const double log_sum = static_cast<double>(max) + log(total);
  logsumexp[row] = static_cast<float>(log_sum);
  const bool inside = target >= 0 && target < vocab;
  losses[row] = inside ? log_sum - static_cast<double>(in[target]) : static_cast<double>(NAN);
}

inline __global__ void cross_entropy_gradient_rows(float* logits, const int64_t* targets,
                                                   const float* logsumexp, int64_t vocab) {
  const int64_t row = blockIdx.x, target = targets[row];
  const float log_sum = logsumexp[row];
  float* out = logits + row * vocab;
  for (int64_t i = threadIdx.x; i < vocab; i += kThreads) {
    out[i] = expf(out[i] - log_sum) - (i == target ? 1.0f : 0.0f);
  }
}

// sums[c] of chunks of `chunk` values: kLanes running sums, then those in order, as the loop on the
// CPU (kernels/square_sums.cpp) adds them. A block works on kThreads / kSquareLanes chunks.
constexpr int kSquareLanes = 16;

inline __global__ void square_sum_chunks(const float* x, int64_t num_chunks, int64_t chunk,
                                         double* sums) {
  __shared__ double lanes[kThreads];
  const int thread = static_cast<int>(threadIdx.x), lane = thread % kSquareLanes;
  const int64_t index =
      static_cast<int64_t>(blockIdx.x) * (kThreads / kSquareLanes) + thread / kSquareLanes;
  double sum = 0.0;
  if (index < num_chunks) {
    const float* in = x + index * chunk;
    for (int64_t i = lane; i < chunk; i += kSquareLanes) {
      const double value = in[i];
      sum += value * value;
    }
  }
  lanes[thread] = sum;
  __syncthreads();
  if (lane != 0 || index >= num_chunks) return;
  double total = 0.0;
  for (int l = 0; l < kSquareLanes; ++l) total += lanes[thread + l];
  sums[index] = total;
}

}  // namespace temper
