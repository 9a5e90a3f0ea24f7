#include "kernels/plain_ops.h"

#include <cmath>

namespace temper {
namespace {

at::Tensor as_rows(const at::Tensor& x) {
  return x.view({-1, x.size(-1)});
}

}  // namespace

at::Tensor plain_inverse_rms(const at::Tensor& x, double epsilon) {
  return at::rsqrt(at::mean(at::square(as_rows(x)), {1}) + epsilon);
}

at::Tensor plain_rms_norm(const at::Tensor& x, const at::Tensor& weight,
                          const at::Tensor& inverse_rms) {
  return (weight * (as_rows(x) * inverse_rms.unsqueeze(1))).view(x.sizes());
}

at::Tensor plain_rms_norm_backward(const at::Tensor& dy, const at::Tensor& x,
                                   const at::Tensor& weight, const at::Tensor& inverse_rms,
                                   const at::Tensor& residual) {
  const at::Tensor rows = as_rows(x), scale = inverse_rms.unsqueeze(1);
  const at::Tensor g = as_rows(dy) * weight;
  const at::Tensor along = at::mean(g * rows, {1}, /*keepdim=*/true) * scale * scale;
  at::Tensor dx = scale * (g - rows * along);
  if (residual.defined()) dx += as_rows(residual);
  return dx.view(x.sizes());
}

void plain_rms_norm_weight_gradient(const at::Tensor& dy, const at::Tensor& x,
                                    const at::Tensor& inverse_rms, at::Tensor dw) {
  at::sum_out(dw, as_rows(dy) * (as_rows(x) * inverse_rms.unsqueeze(1)), {0});
}

void plain_rotate_(const at::Tensor& x, const at::Tensor& positions, const RopeAngles& angles,
                   float sign) {
  const int64_t half = x.size(2) / 2;
  const at::Tensor cos = angles.cos.index({positions}).unsqueeze(1);
  const at::Tensor sin = angles.sin.index({positions}).unsqueeze(1) * sign;
  at::Tensor first = x.narrow(2, 0, half), second = x.narrow(2, half, half);
  const at::Tensor turned = first * cos - second * sin;
  second.copy_(second * cos + first * sin);
  first.copy_(turned);
}

at::Tensor plain_swiglu(const at::Tensor& gate, const at::Tensor& up) {
  return at::silu(gate) * up;
}

void plain_swiglu_backward_(at::Tensor gate, at::Tensor up, at::Tensor dy) {
  const at::Tensor sigmoid = at::sigmoid(gate), silu = gate * sigmoid, y = silu * up;
  gate.copy_(dy * up * sigmoid * (1.0 + gate * (1.0 - sigmoid)));
  up.copy_(dy * silu);
  dy.copy_(y);
}

void plain_embedding_weight_gradient(const at::Tensor& dy, const at::Tensor& tokens,
                                     at::Tensor dw) {
  dw.copy_(at::embedding_dense_backward(dy, tokens, dw.size(0), /*padding_idx=*/-1,
                                        /*scale_grad_by_freq=*/false));
}

at::Tensor plain_chunk_loss(const at::Tensor& logits, const at::Tensor& targets,
                            at::Tensor logsumexp) {
  at::logsumexp_out(logsumexp, logits, {1});
  const at::Tensor picked = logits.gather(1, targets.unsqueeze(1)).squeeze(1);
  return (logsumexp - picked).sum(at::kDouble);
}

void plain_chunk_gradient_(at::Tensor logits, const at::Tensor& targets,
                           const at::Tensor& logsumexp) {
  logits.sub_(logsumexp.unsqueeze(1)).exp_();
  const at::Tensor column = targets.unsqueeze(1);
  logits.scatter_add_(1, column, at::full_like(column, -1.0, logits.options()));
}

void plain_adamw_update(at::Tensor w, const at::Tensor& g, at::Tensor m, at::Tensor v,
                        const AdamWHyperparameters& h) {
  const auto t = static_cast<double>(h.step);
  const at::Tensor gradient = g * h.gradient_scale;
  m.add_(gradient - m, 1.0 - h.beta1);
  v.mul_(h.beta2).addcmul_(gradient, gradient, 1.0 - h.beta2);
  const at::Tensor denominator =
      at::sqrt(v).div_(std::sqrt(1.0 - std::pow(h.beta2, t))).add_(h.epsilon);
  w.mul_(1.0 - h.learning_rate * h.weight_decay)
      .addcdiv_(m, denominator, -h.learning_rate / (1.0 - std::pow(h.beta1, t)));
}

}  // namespace temper
