#include <cmath>

#include "common/philox.h"
#include "kernels/cpu/dropout_elements.h"
#include "kernels/operators.h"

namespace temper {
namespace plain {
namespace {

at::Tensor as_rows(const at::Tensor& x) {
  return x.view({-1, x.size(-1)});
}

// Sums and products are taken in fp32, whatever the operands' type.
at::Tensor wide(const at::Tensor& x) {
  return x.to(at::kFloat);
}

at::Tensor wide_rows(const at::Tensor& x) {
  return wide(as_rows(x));
}

at::Tensor inverse_rms(const at::Tensor& x, double epsilon) {
  return at::rsqrt(at::mean(at::square(wide_rows(x)), {1}) + epsilon);
}

at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& inverse_rms) {
  const at::Tensor y = wide(weight) * (wide_rows(x) * inverse_rms.unsqueeze(1));
  return y.to(x.scalar_type()).view(x.sizes());
}

at::Tensor rms_norm_backward(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& weight,
                             const at::Tensor& inverse_rms, const at::Tensor& residual) {
  const at::Tensor rows = wide_rows(x), scale = inverse_rms.unsqueeze(1);
  const at::Tensor g = wide_rows(dy) * wide(weight);
  const at::Tensor along = at::mean(g * rows, {1}, /*keepdim=*/true) * scale * scale;
  at::Tensor dx = scale * (g - rows * along);
  if (residual.defined()) dx += wide_rows(residual);
  return dx.to(x.scalar_type()).view(x.sizes());
}

void rms_norm_weight_gradient(const at::Tensor& dy, const at::Tensor& x,
                              const at::Tensor& inverse_rms, at::Tensor dw) {
  at::sum_out(dw, wide_rows(dy) * (wide_rows(x) * inverse_rms.unsqueeze(1)), {0});
}

void rotate_(const at::Tensor& x, const at::Tensor& positions, const RopeAngles& angles,
             float sign) {
  const int64_t half = x.size(2) / 2;
  const at::Tensor cos = angles.cos.index({positions}).unsqueeze(1);
  const at::Tensor sin = angles.sin.index({positions}).unsqueeze(1) * sign;
  at::Tensor first = x.narrow(2, 0, half), second = x.narrow(2, half, half);
  const at::Tensor turned = first * cos - second * sin;
  second.copy_(second * cos + first * sin);
  first.copy_(turned);
}

at::Tensor swiglu(const at::Tensor& gate, const at::Tensor& up) {
  return (at::silu(wide(gate)) * wide(up)).to(gate.scalar_type());
}

void swiglu_backward_(at::Tensor gate, at::Tensor up, at::Tensor dy) {
  const at::Tensor g = wide(gate), u = wide(up), d = wide(dy);
  const at::Tensor sigmoid = at::sigmoid(g), silu = g * sigmoid, y = silu * u;
  const at::Tensor d_up = d * silu;
  gate.copy_(d * u * sigmoid * (1.0 + g * (1.0 - sigmoid)));
  up.copy_(d_up);
  dy.copy_(y);
}

void embedding_weight_gradient(const at::Tensor& dy, const at::Tensor& tokens, at::Tensor dw) {
  dw.copy_(at::embedding_dense_backward(wide(dy), tokens, dw.size(0), /*padding_idx=*/-1,
                                        /*scale_grad_by_freq=*/false));
}

void column_sum(const at::Tensor& x, at::Tensor out) {
  at::sum_out(out, wide(x), {0});
}

void wide_product(at::Tensor out, const at::Tensor& a, const at::Tensor& b) {
  at::mm_out(out, wide(a), wide(b));
}

at::Tensor chunk_loss(const at::Tensor& logits, const at::Tensor& targets, at::Tensor logsumexp) {
  at::logsumexp_out(logsumexp, logits, {1});
  const at::Tensor picked = logits.gather(1, targets.unsqueeze(1)).squeeze(1);
  return (logsumexp - picked).sum(at::kDouble);
}

void chunk_gradient_(at::Tensor logits, const at::Tensor& targets, const at::Tensor& logsumexp) {
  logits.sub_(logsumexp.unsqueeze(1)).exp_();
  const at::Tensor column = targets.unsqueeze(1);
  logits.scatter_add_(1, column, at::full_like(column, -1.0, logits.options()));
}

at::Tensor dropout(const at::Tensor& x, const DropoutPlan& plan) {
  const at::Tensor ones = at::ones(x.sizes(), at::kFloat);
  at::Tensor mask = at::empty_like(ones);
  dropout_elements(plan.key, plan.counter_high, plan.threshold, plan.scale,
                   ones.const_data_ptr<float>(), mask.data_ptr<float>(), 0, x.numel());
  return (wide(x) * mask.to(x.device())).to(x.scalar_type());
}

void adamw_update(at::Tensor w, const at::Tensor& g, at::Tensor m, at::Tensor v,
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

at::Tensor square_sums(const at::Tensor& x, int64_t chunk) {
  return at::square(x.to(at::kDouble)).view({-1, chunk}).sum(1);
}

}  // namespace
}  // namespace plain

const Operators& plain_operators() {
  static const Operators operators = {.inverse_rms = plain::inverse_rms,
                                      .rms_norm = plain::rms_norm,
                                      .rms_norm_backward = plain::rms_norm_backward,
                                      .rms_norm_weight_gradient = plain::rms_norm_weight_gradient,
                                      .rotate_ = plain::rotate_,
                                      .swiglu = plain::swiglu,
                                      .swiglu_backward_ = plain::swiglu_backward_,
                                      .embedding_weight_gradient = plain::embedding_weight_gradient,
                                      .column_sum = plain::column_sum,
                                      .wide_product = plain::wide_product,
                                      .chunk_loss = plain::chunk_loss,
                                      .chunk_gradient_ = plain::chunk_gradient_,
                                      .dropout = plain::dropout,
                                      .adamw_update = plain::adamw_update,
                                      .square_sums = plain::square_sums,
                                      .attention = attention_plain,
                                      .attention_backward = attention_backward_plain};
  return operators;
}

}  // namespace temper
