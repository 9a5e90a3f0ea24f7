// The operators in plain ATen: what runs for tensors that are not on the CPU, and in tests a second
// opinion on the CPU's loops. Inside kernels/ only; each does what the operator of its name does.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>

#include "kernels/adamw.h"
#include "kernels/rope.h"

namespace temper {

at::Tensor plain_inverse_rms(const at::Tensor& x, double epsilon);
at::Tensor plain_rms_norm(const at::Tensor& x, const at::Tensor& weight,
                          const at::Tensor& inverse_rms);
at::Tensor plain_rms_norm_backward(const at::Tensor& dy, const at::Tensor& x,
                                   const at::Tensor& weight, const at::Tensor& inverse_rms,
                                   const at::Tensor& residual);
void plain_rms_norm_weight_gradient(const at::Tensor& dy, const at::Tensor& x,
                                    const at::Tensor& inverse_rms, at::Tensor dw);

// sign 1 turns forward, -1 back.
void plain_rotate_(const at::Tensor& x, const at::Tensor& positions, const RopeAngles& angles,
                   float sign);

at::Tensor plain_swiglu(const at::Tensor& gate, const at::Tensor& up);
void plain_swiglu_backward_(at::Tensor gate, at::Tensor up, at::Tensor dy);

void plain_embedding_weight_gradient(const at::Tensor& dy, const at::Tensor& tokens, at::Tensor dw);

// One chunk of linear_cross_entropy: the loss sum (0-dim fp64) with logsumexp [rows] overwritten,
// and the logits [rows, vocab] turned into their gradient.
at::Tensor plain_chunk_loss(const at::Tensor& logits, const at::Tensor& targets,
                            at::Tensor logsumexp);
void plain_chunk_gradient_(at::Tensor logits, const at::Tensor& targets,
                           const at::Tensor& logsumexp);

void plain_adamw_update(at::Tensor w, const at::Tensor& g, at::Tensor m, at::Tensor v,
                        const AdamWHyperparameters& hyperparameters);

}  // namespace temper
