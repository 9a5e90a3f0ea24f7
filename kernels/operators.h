// The operators for CUDA and for types other than fp32, which our CPU loops do not take. What an
// operator computes is said in the public header of its name; activations and their
// gradients have the type of x (fp32 or bf16), statistics (inverse_rms, logsumexp) and gradients of
// weights are fp32, and sums are taken in fp32. Inside kernels/ only.
#pragma once

#include <ATen/ATen.h>

#include <array>
#include <cstdint>
#include <vector>

#include "kernels/adamw.h"
#include "kernels/attention_blocks.h"
#include "kernels/rope.h"

namespace temper {

// Dropout with its key resolved: an element is kept where its 16 bits reach the threshold.
struct DropoutPlan {
  std::array<uint32_t, 2> key = {};  // Philox's
  uint64_t counter_high = 0;
  uint32_t threshold = 0;
  float scale = 1.0f;
};

struct Operators {
  at::Tensor (*inverse_rms)(const at::Tensor& x, double epsilon);
  at::Tensor (*rms_norm)(const at::Tensor& x, const at::Tensor& weight,
                         const at::Tensor& inverse_rms);
  at::Tensor (*rms_norm_backward)(const at::Tensor& dy, const at::Tensor& x,
                                  const at::Tensor& weight, const at::Tensor& inverse_rms,
                                  const at::Tensor& residual);
  void (*rms_norm_weight_gradient)(const at::Tensor& dy, const at::Tensor& x,
                                   const at::Tensor& inverse_rms, at::Tensor dw);
  // sign 1 turns forward, -1 back.
  void (*rotate_)(const at::Tensor& x, const at::Tensor& positions, const RopeAngles& angles,
                  float sign);
  at::Tensor (*swiglu)(const at::Tensor& gate, const at::Tensor& up);
  void (*swiglu_backward_)(at::Tensor gate, at::Tensor up, at::Tensor dy);
  void (*embedding_weight_gradient)(const at::Tensor& dy, const at::Tensor& tokens, at::Tensor dw);
  void (*column_sum)(const at::Tensor& x, at::Tensor out);  // x [rows, n] -> out [n] fp32
  // out [m, n] fp32 = a b, of a [m, k] and b [k, n] in bf16.
  void (*fp32_accumulate_product)(at::Tensor out, const at::Tensor& a, const at::Tensor& b);
  // One chunk of linear_cross_entropy on fp32 logits [rows, vocab]: the loss sum (0-dim fp64), with
  // logsumexp [rows] overwritten; the logits turned into their gradient.
  at::Tensor (*chunk_loss)(const at::Tensor& logits, const at::Tensor& targets,
                           at::Tensor logsumexp);
  void (*chunk_gradient_)(at::Tensor logits, const at::Tensor& targets,
                          const at::Tensor& logsumexp);
  at::Tensor (*dropout)(const at::Tensor& x, const DropoutPlan& plan);
  void (*adamw_update)(at::Tensor w, const at::Tensor& g, at::Tensor m, at::Tensor v,
                       const AdamWOptions& options);
  // [n / chunk] fp64: the sum of squares of each run of `chunk` values of x [n] fp32.
  at::Tensor (*square_sums)(const at::Tensor& x, int64_t chunk);
  AttentionOutput (*attention)(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                               const std::vector<AttentionDocument>& documents,
                               const AttentionShape& shape);
  AttentionGradients (*attention_backward)(const at::Tensor& d_out, const at::Tensor& q,
                                           const at::Tensor& k, const at::Tensor& v,
                                           const AttentionOutput& forward,
                                           const std::vector<AttentionDocument>& documents,
                                           const AttentionShape& shape);
};

// Written in ATen's own operators, for any device and floating-point type. Tests hold the CPU's
// loops and the kernels of kernels/cuda/ against them.
const Operators& reference_operators();
// Kernels for GPUs; the reference operators in a build without CUDA.
const Operators& cuda_operators();

// The choice between them is made here and nowhere else.
inline bool has_cpu_loops(const at::Tensor& x) {
  return x.is_cpu() && x.scalar_type() == at::kFloat;
}
inline const Operators& operators_for(const at::Tensor& x) {
  return x.is_cuda() ? cuda_operators() : reference_operators();
}

}  // namespace temper
