// The device loops as functions that put them on a stream. Every function returns at once; what is
// wrong with a launch is a SystemError. Pointers are the GPU's, of contiguous tensors.
#pragma once

#include <cuda_runtime_api.h>

#include <array>
#include <cstdint>

#include "kernels/cpu/adamw_elements.h"

namespace temper::cuda {

// The type of activations and of the weights they meet; void* below points to it.
enum class Type { kFloat, kBf16 };

// Partial sums that a sum over `rows` rows goes through: a function of the shape alone.
struct ColumnParts {
  int64_t num_parts = 0;
  int64_t rows_per_part = 0;
};
ColumnParts column_parts_of(int64_t rows);

void inverse_rms(Type type, const void* x, int64_t rows, int64_t n, double epsilon,
                 float* inverse_rms, cudaStream_t stream);
void rms_norm(Type type, const void* x, const void* weight, const float* inverse_rms, int64_t rows,
              int64_t n, void* y, cudaStream_t stream);
void rms_norm_backward(Type type, const void* dy, const void* x, const void* weight,
                       const float* inverse_rms, const void* residual, int64_t rows, int64_t n,
                       void* dx, cudaStream_t stream);
// `parts` [num_parts, n] is memory to work in.
void rms_norm_weight_gradient(Type type, const void* dy, const void* x, const float* inverse_rms,
                              int64_t rows, int64_t n, float* parts, float* dw,
                              cudaStream_t stream);
void column_sum(Type type, const void* x, int64_t rows, int64_t n, float* parts, float* out,
                cudaStream_t stream);
void rope(Type type, void* x, const int64_t* positions, const float* cos, const float* sin,
          float sign, int64_t tokens, int64_t heads, int64_t dim, int64_t table_rows,
          cudaStream_t stream);
void swiglu(Type type, const void* gate, const void* up, int64_t n, void* y, cudaStream_t stream);
void swiglu_backward(Type type, void* gate, void* up, void* dy, int64_t n, cudaStream_t stream);
void embedding_gradient(Type type, const void* dy, const int64_t* tokens, const int64_t* order,
                        int64_t num_tokens, int64_t hidden, int64_t vocab, float* dw,
                        cudaStream_t stream);
void cross_entropy(const float* logits, const int64_t* targets, int64_t rows, int64_t vocab,
                   float* logsumexp, double* losses, cudaStream_t stream);
void cross_entropy_gradient(float* logits, const int64_t* targets, const float* logsumexp,
                            int64_t rows, int64_t vocab, cudaStream_t stream);
void square_sums(const float* x, int64_t num_chunks, int64_t chunk, double* sums,
                 cudaStream_t stream);
void dropout(Type type, const void* x, int64_t n, const std::array<uint32_t, 2>& key,
             uint64_t counter_high, uint32_t threshold, float scale, void* y, cudaStream_t stream);
void adamw(float* w, const float* g, float* m, float* v, int64_t n, const AdamWFactors& factors,
           cudaStream_t stream);

}  // namespace temper::cuda
