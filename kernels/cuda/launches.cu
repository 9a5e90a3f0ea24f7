#include "kernels/cuda/launches.h"

#include "common/error.h"
#include "kernels/cuda/element_loops.cuh"
#include "kernels/cuda/row_loops.cuh"

namespace temper::cuda {
namespace {

// The largest y of a grid.
constexpr int64_t kMaxParts = 256;
constexpr int64_t kMinRowsPerPart = 32;
constexpr int64_t kMaxBlocks = 0x7fffffff;

int64_t divide_up(int64_t a, int64_t b) {
  return (a + b - 1) / b;
}

dim3 grid(int64_t blocks, int64_t parts = 1) {
  TEMPER_CHECK(blocks > 0 && blocks <= kMaxBlocks, "a grid of {} blocks", blocks);
  return dim3(static_cast<unsigned>(blocks), static_cast<unsigned>(parts));
}

dim3 grid_over(int64_t elements, int64_t parts = 1) {
  return grid(divide_up(elements, kThreads), parts);
}

void check_launch(const char* name) {
  const cudaError_t error = cudaGetLastError();
  if (error == cudaSuccess) return;
  throw SystemError("the GPU refused {}: {} ({})", name, cudaGetErrorString(error),
                    cudaGetErrorName(error));
}

// Calls launch(pointer of the type): its argument says which.
template <typename Launch>
void with_type(Type type, const Launch& launch) {
  if (type == Type::kFloat) {
    launch(static_cast<float*>(nullptr));
  } else {
    launch(static_cast<Bf16*>(nullptr));
  }
}

template <typename T>
const T* as(const void* data, T*) {
  return static_cast<const T*>(data);
}

template <typename T>
T* as(void* data, T*) {
  return static_cast<T*>(data);
}

template <typename Term>
void sum_columns(const Term& term, int64_t rows, int64_t n, float* parts, float* out,
                 cudaStream_t stream) {
  const ColumnParts cut = column_parts_of(rows);
  column_parts<<<grid_over(n, cut.num_parts), kThreads, 0, stream>>>(term, rows, n,
                                                                     cut.rows_per_part, parts);
  check_launch("column_parts");
  add_column_parts<<<grid_over(n), kThreads, 0, stream>>>(parts, cut.num_parts, n, out);
  check_launch("add_column_parts");
}

}  // namespace

ColumnParts column_parts_of(int64_t rows) {
  const int64_t rows_per_part =
      divide_up(rows, kMaxParts) > kMinRowsPerPart ? divide_up(rows, kMaxParts) : kMinRowsPerPart;
  return {divide_up(rows, rows_per_part), rows_per_part};
}

void inverse_rms(Type type, const void* x, int64_t rows, int64_t n, double epsilon,
                 float* inverse_rms, cudaStream_t stream) {
  if (rows == 0) return;
  with_type(type, [&](auto* t) {
    inverse_rms_rows<<<grid(rows), kThreads, 0, stream>>>(as(x, t), n, epsilon, inverse_rms);
  });
  check_launch("inverse_rms");
}

void rms_norm(Type type, const void* x, const void* weight, const float* inverse_rms, int64_t rows,
              int64_t n, void* y, cudaStream_t stream) {
  if (rows == 0) return;
  with_type(type, [&](auto* t) {
    rms_norm_rows<<<grid(rows), kThreads, 0, stream>>>(as(x, t), as(weight, t), inverse_rms, n,
                                                       as(y, t));
  });
  check_launch("rms_norm");
}

void rms_norm_backward(Type type, const void* dy, const void* x, const void* weight,
                       const float* inverse_rms, const void* residual, int64_t rows, int64_t n,
                       void* dx, cudaStream_t stream) {
  if (rows == 0) return;
  with_type(type, [&](auto* t) {
    rms_norm_backward_rows<<<grid(rows), kThreads, 0, stream>>>(
        as(dy, t), as(x, t), as(weight, t), inverse_rms, as(residual, t), n, as(dx, t));
  });
  check_launch("rms_norm_backward");
}

void rms_norm_weight_gradient(Type type, const void* dy, const void* x, const float* inverse_rms,
                              int64_t rows, int64_t n, float* parts, float* dw,
                              cudaStream_t stream) {
  if (type == Type::kFloat) {
    const NormProduct<float> term{static_cast<const float*>(dy), static_cast<const float*>(x),
                                  inverse_rms, n};
    sum_columns(term, rows, n, parts, dw, stream);
  } else {
    const NormProduct<Bf16> term{static_cast<const Bf16*>(dy), static_cast<const Bf16*>(x),
                                 inverse_rms, n};
    sum_columns(term, rows, n, parts, dw, stream);
  }
}

void column_sum(Type type, const void* x, int64_t rows, int64_t n, float* parts, float* out,
                cudaStream_t stream) {
  if (type == Type::kFloat) {
    sum_columns(Element<float>{static_cast<const float*>(x), n}, rows, n, parts, out, stream);
  } else {
    sum_columns(Element<Bf16>{static_cast<const Bf16*>(x), n}, rows, n, parts, out, stream);
  }
}

void rope(Type type, void* x, const int64_t* positions, const float* cos, const float* sin,
          float sign, int64_t tokens, int64_t heads, int64_t dim, int64_t table_rows,
          cudaStream_t stream) {
  const int64_t half = dim / 2, num_pairs = tokens * heads * half;
  if (num_pairs == 0) return;
  with_type(type, [&](auto* t) {
    rope_pairs<<<grid_over(num_pairs), kThreads, 0, stream>>>(as(x, t), positions, cos, sin, sign,
                                                              heads, half, num_pairs, table_rows);
  });
  check_launch("rope");
}

void swiglu(Type type, const void* gate, const void* up, int64_t n, void* y, cudaStream_t stream) {
  if (n == 0) return;
  with_type(type, [&](auto* t) {
    swiglu_elements<<<grid_over(n), kThreads, 0, stream>>>(as(gate, t), as(up, t), n, as(y, t));
  });
  check_launch("swiglu");
}

void swiglu_backward(Type type, void* gate, void* up, void* dy, int64_t n, cudaStream_t stream) {
  if (n == 0) return;
  with_type(type, [&](auto* t) {
    swiglu_backward_elements<<<grid_over(n), kThreads, 0, stream>>>(as(gate, t), as(up, t),
                                                                    as(dy, t), n);
  });
  check_launch("swiglu_backward");
}

void embedding_gradient(Type type, const void* dy, const int64_t* tokens, const int64_t* order,
                        int64_t num_tokens, int64_t hidden, int64_t vocab, float* dw,
                        cudaStream_t stream) {
  if (num_tokens == 0) return;
  with_type(type, [&](auto* t) {
    embedding_gradient_rows<<<grid(num_tokens), kThreads, 0, stream>>>(
        as(dy, t), tokens, order, num_tokens, hidden, vocab, dw);
  });
  check_launch("embedding_gradient");
}

void cross_entropy(const float* logits, const int64_t* targets, int64_t rows, int64_t vocab,
                   float* logsumexp, double* losses, cudaStream_t stream) {
  if (rows == 0) return;
  cross_entropy_rows<<<grid(rows), kThreads, 0, stream>>>(logits, targets, vocab, logsumexp,
                                                          losses);
  check_launch("cross_entropy");
}

void cross_entropy_gradient(float* logits, const int64_t* targets, const float* logsumexp,
                            int64_t rows, int64_t vocab, cudaStream_t stream) {
  if (rows == 0) return;
  cross_entropy_gradient_rows<<<grid(rows), kThreads, 0, stream>>>(logits, targets, logsumexp,
                                                                   vocab);
  check_launch("cross_entropy_gradient");
}

void square_sums(const float* x, int64_t num_chunks, int64_t chunk, double* sums,
                 cudaStream_t stream) {
  if (num_chunks == 0) return;
  square_sum_chunks<<<grid_over(num_chunks * kSquareLanes), kThreads, 0, stream>>>(x, num_chunks,
                                                                                   chunk, sums);
  check_launch("square_sums");
}

void dropout(Type type, const void* x, int64_t n, const std::array<uint32_t, 2>& key,
             uint64_t counter_high, uint32_t threshold, float scale, void* y, cudaStream_t stream) {
  if (n == 0) return;
  const int64_t num_blocks = divide_up(n, 64) * 8;
  const uint32_t key0 = key[0], key1 = key[1];
  with_type(type, [&](auto* t) {
    dropout_blocks<<<grid_over(num_blocks), kThreads, 0, stream>>>(
        as(x, t), n, num_blocks, key0, key1, counter_high, threshold, scale, as(y, t));
  });
  check_launch("dropout");
}

void adamw(float* w, const float* g, float* m, float* v, int64_t n, const AdamWFactors& factors,
           cudaStream_t stream) {
  if (n == 0) return;
  adamw_update_elements<<<grid_over(n), kThreads, 0, stream>>>(w, g, m, v, n, factors);
  check_launch("adamw");
}

}  // namespace temper::cuda
