#include "kernels/operators.h"

#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include "common/error.h"
#include "kernels/cuda/flash_attention.h"
#include "kernels/cuda/launches.h"

namespace temper {
namespace gpu {
namespace {

// Every operator runs on the current stream of its tensors' GPU, which the guard makes current.
struct OnGpu {
  explicit OnGpu(const at::Tensor& x)
      : guard(x.device()), stream(c10::cuda::getCurrentCUDAStream(x.get_device())) {}

  c10::cuda::CUDAGuard guard;
  c10::cuda::CUDAStream stream;
};

cuda::Type type_of(const at::Tensor& x) {
  TEMPER_CHECK(x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16,
               "a kernel of tensors of {}", c10::toString(x.scalar_type()));
  return x.scalar_type() == at::kFloat ? cuda::Type::kFloat : cuda::Type::kBf16;
}

// All contiguous, on one GPU; of x's type where it says so.
void check_like(const at::Tensor& x, std::initializer_list<at::Tensor> others) {
  TEMPER_CHECK(x.is_contiguous(), "a kernel of a tensor that is not contiguous");
  for (const at::Tensor& other : others) {
    TEMPER_CHECK(other.is_contiguous() && other.device() == x.device() &&
                     other.scalar_type() == x.scalar_type(),
                 "a kernel of tensors that differ in place, type or layout");
  }
}

const float* floats(const at::Tensor& x, int64_t count) {
  TEMPER_CHECK(x.is_contiguous() && x.scalar_type() == at::kFloat && x.numel() == count,
               "a kernel wants {} fp32 values", count);
  return x.const_data_ptr<float>();
}

float* mutable_floats(const at::Tensor& x, int64_t count) {
  (void)floats(x, count);
  return x.data_ptr<float>();
}

const int64_t* integers(const at::Tensor& x, int64_t count) {
  TEMPER_CHECK(x.is_contiguous() && x.scalar_type() == at::kLong && x.numel() == count,
               "a kernel wants {} 64-bit integers", count);
  return x.const_data_ptr<int64_t>();
}

at::Tensor inverse_rms(const at::Tensor& x, double epsilon) {
  check_like(x, {});
  const OnGpu gpu(x);
  const int64_t n = x.size(-1), rows = x.numel() / n;
  at::Tensor result = at::empty({rows}, x.options().dtype(at::kFloat));
  cuda::inverse_rms(type_of(x), x.const_data_ptr(), rows, n, epsilon, result.data_ptr<float>(),
                    gpu.stream);
  return result;
}

at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& inverse_rms) {
  check_like(x, {weight});
  const OnGpu gpu(x);
  const int64_t n = x.size(-1), rows = x.numel() / n;
  TEMPER_CHECK(weight.numel() == n, "rms_norm: shapes do not agree");
  at::Tensor y = at::empty_like(x);
  cuda::rms_norm(type_of(x), x.const_data_ptr(), weight.const_data_ptr(), floats(inverse_rms, rows),
                 rows, n, y.data_ptr(), gpu.stream);
  return y;
}

at::Tensor rms_norm_backward(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& weight,
                             const at::Tensor& inverse_rms, const at::Tensor& residual) {
  check_like(x, {dy, weight});
  const OnGpu gpu(x);
  const int64_t n = x.size(-1), rows = x.numel() / n;
  TEMPER_CHECK(weight.numel() == n && dy.numel() == x.numel(),
               "rms_norm_backward: shapes do not agree");
  if (residual.defined()) {
    check_like(x, {residual});
    TEMPER_CHECK(residual.numel() == x.numel(), "rms_norm_backward: shapes do not agree");
  }
  at::Tensor dx = at::empty_like(x);
  cuda::rms_norm_backward(type_of(x), dy.const_data_ptr(), x.const_data_ptr(),
                          weight.const_data_ptr(), floats(inverse_rms, rows),
                          residual.defined() ? residual.const_data_ptr() : nullptr, rows, n,
                          dx.data_ptr(), gpu.stream);
  return dx;
}

// Columns are summed in two stages, parts of rows first: how many parts depends on `rows` alone, so
// the order of a sum, and its bits, are the same on every GPU. Atomic additions would have no
// order.
at::Tensor column_parts(const at::Tensor& x, int64_t rows, int64_t n) {
  const int64_t num_parts = cuda::column_parts_of(rows).num_parts;
  return at::empty({num_parts, n}, x.options().dtype(at::kFloat));
}

void rms_norm_weight_gradient(const at::Tensor& dy, const at::Tensor& x,
                              const at::Tensor& inverse_rms, at::Tensor dw) {
  check_like(x, {dy});
  const OnGpu gpu(x);
  const int64_t n = x.size(-1), rows = x.numel() / n;
  TEMPER_CHECK(dy.numel() == x.numel(), "rms_norm_weight_gradient: shapes do not agree");
  if (rows == 0) {
    dw.zero_();
    return;
  }
  const at::Tensor parts = column_parts(x, rows, n);
  cuda::rms_norm_weight_gradient(type_of(x), dy.const_data_ptr(), x.const_data_ptr(),
                                 floats(inverse_rms, rows), rows, n, parts.data_ptr<float>(),
                                 mutable_floats(dw, n), gpu.stream);
}

void column_sum(const at::Tensor& x, at::Tensor out) {
  check_like(x, {});
  const OnGpu gpu(x);
  const int64_t rows = x.size(0), n = x.size(1);
  if (rows == 0) {
    out.zero_();
    return;
  }
  const at::Tensor parts = column_parts(x, rows, n);
  cuda::column_sum(type_of(x), x.const_data_ptr(), rows, n, parts.data_ptr<float>(),
                   mutable_floats(out, n), gpu.stream);
}

void rotate_(const at::Tensor& x, const at::Tensor& positions, const RopeAngles& angles,
             float sign) {
  check_like(x, {});
  const OnGpu gpu(x);
  const int64_t tokens = x.size(0), heads = x.size(1), dim = x.size(2);
  const int64_t table_rows = angles.cos.size(0);
  TEMPER_CHECK(dim == 2 * angles.cos.size(1), "rope: shapes do not agree");
  cuda::rope(type_of(x), x.data_ptr(), integers(positions, tokens),
             floats(angles.cos, table_rows * dim / 2), floats(angles.sin, table_rows * dim / 2),
             sign, tokens, heads, dim, table_rows, gpu.stream);
}

at::Tensor swiglu(const at::Tensor& gate, const at::Tensor& up) {
  check_like(gate, {up});
  const OnGpu gpu(gate);
  TEMPER_CHECK(gate.numel() == up.numel(), "swiglu: shapes do not agree");
  at::Tensor y = at::empty_like(gate);
  cuda::swiglu(type_of(gate), gate.const_data_ptr(), up.const_data_ptr(), gate.numel(),
               y.data_ptr(), gpu.stream);
  return y;
}

void swiglu_backward_(at::Tensor gate, at::Tensor up, at::Tensor dy) {
  check_like(gate, {up, dy});
  const OnGpu gpu(gate);
  TEMPER_CHECK(gate.numel() == up.numel() && gate.numel() == dy.numel(),
               "swiglu_backward_: shapes do not agree");
  cuda::swiglu_backward(type_of(gate), gate.data_ptr(), up.data_ptr(), dy.data_ptr(), gate.numel(),
                        gpu.stream);
}

void embedding_weight_gradient(const at::Tensor& dy, const at::Tensor& tokens, at::Tensor dw) {
  check_like(dy, {});
  const OnGpu gpu(dy);
  const int64_t num_tokens = dy.size(0), hidden = dy.size(1), vocab = dw.size(0);
  TEMPER_CHECK(dw.size(1) == hidden && tokens.numel() == num_tokens,
               "embedding_weight_gradient: shapes do not agree");
  dw.zero_();
  // Tokens that are alike become neighbours, so that one block adds all rows of a token in their
  // order; the sort must be stable for that.
  const auto [sorted, order] = at::sort(tokens, /*stable=*/true, /*dim=*/0, /*descending=*/false);
  cuda::embedding_gradient(type_of(dy), dy.const_data_ptr(), integers(sorted, num_tokens),
                           integers(order, num_tokens), num_tokens, hidden, vocab,
                           mutable_floats(dw, vocab * hidden), gpu.stream);
}

// cuBLAS accumulates bf16 products in fp32 and here keeps what it has: rounding a gradient to bf16
// before micro-batches are added would lose the small ones.
void fp32_accumulate_product(at::Tensor out, const at::Tensor& a, const at::Tensor& b) {
  at::mm_out(out, a, b, out.scalar_type());
}

at::Tensor chunk_loss(const at::Tensor& logits, const at::Tensor& targets, at::Tensor logsumexp) {
  const OnGpu gpu(logits);
  const int64_t rows = logits.size(0), vocab = logits.size(1);
  const at::Tensor losses = at::empty({rows}, logits.options().dtype(at::kDouble));
  cuda::cross_entropy(floats(logits, rows * vocab), integers(targets, rows), rows, vocab,
                      mutable_floats(logsumexp, rows), losses.data_ptr<double>(), gpu.stream);
  return losses.sum();
}

void chunk_gradient_(at::Tensor logits, const at::Tensor& targets, const at::Tensor& logsumexp) {
  const OnGpu gpu(logits);
  const int64_t rows = logits.size(0), vocab = logits.size(1);
  cuda::cross_entropy_gradient(mutable_floats(logits, rows * vocab), integers(targets, rows),
                               floats(logsumexp, rows), rows, vocab, gpu.stream);
}

at::Tensor dropout(const at::Tensor& x, const DropoutPlan& plan) {
  check_like(x, {});
  const OnGpu gpu(x);
  at::Tensor y = at::empty_like(x);
  cuda::dropout(type_of(x), x.const_data_ptr(), x.numel(), plan.key, plan.counter_high,
                plan.threshold, plan.scale, y.data_ptr(), gpu.stream);
  return y;
}

void adamw_update(at::Tensor w, const at::Tensor& g, at::Tensor m, at::Tensor v,
                  const AdamWOptions& options) {
  const OnGpu gpu(w);
  const int64_t n = w.numel();
  cuda::adamw(mutable_floats(w, n), floats(g, n), mutable_floats(m, n), mutable_floats(v, n), n,
              adamw_factors(options), gpu.stream);
}

at::Tensor square_sums(const at::Tensor& x, int64_t chunk) {
  const OnGpu gpu(x);
  const int64_t num_chunks = x.numel() / chunk;
  at::Tensor sums = at::empty({num_chunks}, x.options().dtype(at::kDouble));
  cuda::square_sums(floats(x, num_chunks * chunk), num_chunks, chunk, sums.data_ptr<double>(),
                    gpu.stream);
  return sums;
}

AttentionOutput attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                          const std::vector<AttentionDocument>& documents,
                          const AttentionShape& shape) {
  const OnGpu gpu(q);
  return can_flash(q, documents) ? flash_attention(q, k, v, documents, shape)
                                 : reference_attention(q, k, v, documents, shape);
}

AttentionGradients attention_backward(const at::Tensor& d_out, const at::Tensor& q,
                                      const at::Tensor& k, const at::Tensor& v,
                                      const AttentionOutput& forward,
                                      const std::vector<AttentionDocument>& documents,
                                      const AttentionShape& shape) {
  const OnGpu gpu(q);
  return can_flash(q, documents)
             ? flash_attention_backward(d_out, q, k, v, forward, documents, shape)
             : reference_attention_backward(d_out, q, k, v, forward, documents, shape);
}

}  // namespace
}  // namespace gpu

const Operators& cuda_operators() {
  static const Operators operators = {.inverse_rms = gpu::inverse_rms,
                                      .rms_norm = gpu::rms_norm,
                                      .rms_norm_backward = gpu::rms_norm_backward,
                                      .rms_norm_weight_gradient = gpu::rms_norm_weight_gradient,
                                      .rotate_ = gpu::rotate_,
                                      .swiglu = gpu::swiglu,
                                      .swiglu_backward_ = gpu::swiglu_backward_,
                                      .embedding_weight_gradient = gpu::embedding_weight_gradient,
                                      .column_sum = gpu::column_sum,
                                      .fp32_accumulate_product = gpu::fp32_accumulate_product,
                                      .chunk_loss = gpu::chunk_loss,
                                      .chunk_gradient_ = gpu::chunk_gradient_,
                                      .dropout = gpu::dropout,
                                      .adamw_update = gpu::adamw_update,
                                      .square_sums = gpu::square_sums,
                                      .attention = gpu::attention,
                                      .attention_backward = gpu::attention_backward};
  return operators;
}

}  // namespace temper
