#include <cmath>

#include "common/philox.h"
#include "kernels/cpu/dropout_elements.h"
#include "kernels/operators.h"

namespace temper {
namespace reference {
namespace {

at::Tensor as_rows(const at::Tensor& x) {
  return x.view({-1, x.size(-1)});
}

// Sums and products are taken in fp32, whatever the operands' type.
at::Tensor fp32(const at::Tensor& x) {
  return x.to(at::kFloat);
}

at::Tensor fp32_rows(const at::Tensor& x) {
  return fp32(as_rows(x));
}

at::Tensor inverse_rms(const at::Tensor& x, double epsilon) {
  return at::rsqrt(at::mean(at::square(fp32_rows(x)), {1}) + epsilon);
}

at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& inverse_rms) {
  const at::Tensor y = fp32(weight) * (fp32_rows(x) * inverse_rms.unsqueeze(1));
  return y.to(x.scalar_type()).view(x.sizes());
}

at::Tensor rms_norm_backward(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& weight,
                             const at::Tensor& inverse_rms, const at::Tensor& residual) {
  const at::Tensor rows = fp32_rows(x), scale = inverse_rms.unsqueeze(1);
  const at::Tensor g = fp32_rows(dy) * fp32(weight);
  const at::Tensor along = at::mean(g * rows, {1}, /*keepdim=*/true) * scale * scale;
  at::Tensor dx = scale * (g - rows * along);
  if (residual.defined()) dx += fp32_rows(residual);
  return dx.to(x.scalar_type()).view(x.sizes());
}

void rms_norm_weight_gradient(const at::Tensor& dy, const at::Tensor& x,
                              const at::Tensor& inverse_rms, at::Tensor dw) {
  at::sum_out(dw, fp32_rows(dy) * (fp32_rows(x) * inverse_rms.unsqueeze(1)), {0});
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
  return (at::silu(fp32(gate)) * fp32(up)).to(gate.scalar_type());
}

void swiglu_backward_(at::Tensor gate, at::Tensor up, at::Tensor dy) {
  const at::Tensor g = fp32(gate), u = fp32(up), d = fp32(dy);
  const at::Tensor sigmoid = at::sigmoid(g), silu = g * sigmoid, y = silu * u;
  const at::Tensor d_up = d * silu;
  gate.copy_(d * u * sigmoid * (1.0 + g * (1.0 - sigmoid)));
  up.copy_(d_up);
  dy.copy_(y);
}

void embedding_weight_gradient(const at::Tensor& dy, const at::Tensor& tokens, at::Tensor dw) {
  dw.copy_(at::embedding_dense_backward(fp32(dy), tokens, dw.size(0), /*padding_idx=*/-1,
                                        /*scale_grad_by_freq=*/false));
}

void column_sum(const at::Tensor& x, at::Tensor out) {
  at::sum_out(out, fp32(x), {0});
}

void fp32_accumulate_product(at::Tensor out, const at::Tensor& a, const at::Tensor& b) {
  at::mm_out(out, fp32(a), fp32(b));
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
  return (fp32(x) * mask.to(x.device())).to(x.scalar_type());
}

void adamw_update(at::Tensor w, const at::Tensor& g, at::Tensor m, at::Tensor v,
                  const AdamWOptions& h) {
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
}  // namespace reference

const Operators& reference_operators() {
  static const Operators operators = {
      .inverse_rms = reference::inverse_rms,
      .rms_norm = reference::rms_norm,
      .rms_norm_backward = reference::rms_norm_backward,
      .rms_norm_weight_gradient = reference::rms_norm_weight_gradient,
      .rotate_ = reference::rotate_,
      .swiglu = reference::swiglu,
      .swiglu_backward_ = reference::swiglu_backward_,
      .embedding_weight_gradient = reference::embedding_weight_gradient,
      .column_sum = reference::column_sum,
      .fp32_accumulate_product = reference::fp32_accumulate_product,
      .chunk_loss = reference::chunk_loss,
      .chunk_gradient_ = reference::chunk_gradient_,
      .dropout = reference::dropout,
      .adamw_update = reference::adamw_update,
      .square_sums = reference::square_sums,
      .attention = reference_attention,
      .attention_backward = reference_attention_backward};
  return operators;
}

}  // namespace temper
