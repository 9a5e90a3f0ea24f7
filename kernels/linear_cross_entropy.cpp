#include "kernels/linear_cross_entropy.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <vector>

#include "common/error.h"
#include "kernels/cpu/cross_entropy_rows.h"
#include "kernels/plain_ops.h"
#include "kernels/row_blocks.h"

namespace temper {
namespace {

constexpr int64_t kChunkElements = int64_t{1} << 24;
// Chunks whose logits stay until backward, which follows at once in a training step: 256 MiB.
constexpr int64_t kKeptChunks = 4;

// Overwrites logsumexp [rows] and returns the chunk's loss sum.
at::Tensor chunk_loss(const at::Tensor& logits, const at::Tensor& targets, at::Tensor logsumexp) {
  if (!logits.is_cpu()) return plain_chunk_loss(logits, targets, logsumexp);
  const int64_t rows = logits.size(0), vocab = logits.size(1);
  const float* data = logits.const_data_ptr<float>();
  const int64_t* target = targets.const_data_ptr<int64_t>();
  float* out = logsumexp.data_ptr<float>();
  std::vector<double> losses(rows);
  at::parallel_for(0, rows, row_grain(vocab), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      TEMPER_CHECK(target[r] >= 0 && target[r] < vocab, "target {} of {}", target[r], vocab);
      const double sum = logsumexp_row(data + r * vocab, vocab);
      out[r] = static_cast<float>(sum);
      losses[r] = sum - static_cast<double>(data[r * vocab + target[r]]);
    }
  });
  double loss = 0.0;
  for (const double term : losses) loss += term;
  return at::scalar_tensor(loss, at::kDouble);
}

// The logits become the gradient of the loss sum with respect to themselves.
void chunk_gradient_(at::Tensor logits, const at::Tensor& targets, const at::Tensor& logsumexp) {
  if (!logits.is_cpu()) return plain_chunk_gradient_(logits, targets, logsumexp);
  const int64_t rows = logits.size(0), vocab = logits.size(1);
  float* data = logits.data_ptr<float>();
  const int64_t* target = targets.const_data_ptr<int64_t>();
  const float* sum = logsumexp.const_data_ptr<float>();
  at::parallel_for(0, rows, row_grain(vocab), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      cross_entropy_gradient_row(data + r * vocab, vocab, sum[r], target[r]);
    }
  });
}

}  // namespace

int64_t cross_entropy_chunk_rows(int64_t vocab_size) {
  return std::clamp<int64_t>(kChunkElements / vocab_size, 16, 512);
}

at::Tensor linear_cross_entropy(const at::Tensor& x, const at::Tensor& weight,
                                const at::Tensor& targets, bool weight_trains,
                                LinearCrossEntropySaved* saved) {
  const int64_t n = x.size(0), vocab = weight.size(0);
  const int64_t chunk = cross_entropy_chunk_rows(vocab);
  const bool keep_logits = saved != nullptr && weight_trains;
  const int64_t kept = std::min(n, keep_logits ? kKeptChunks * chunk : chunk);
  // Earlier chunks use the memory that the kept ones will fill.
  const at::Tensor buffer = at::empty({kept, vocab}, x.options());
  const at::Tensor logsumexp = at::empty({n}, x.options());
  if (saved != nullptr && !weight_trains) saved->dx = at::empty_like(x);

  at::Tensor loss = at::zeros({}, x.options().dtype(at::kDouble));
  for (int64_t begin = 0; begin < n;) {
    const int64_t first_kept = n - kept;
    const int64_t limit = begin < first_kept ? first_kept : n;
    const int64_t rows = std::min(chunk, limit - begin);
    at::Tensor logits = buffer.narrow(0, std::max<int64_t>(0, begin - first_kept), rows);
    const at::Tensor target = targets.narrow(0, begin, rows),
                     sums = logsumexp.narrow(0, begin, rows);
    at::mm_out(logits, x.narrow(0, begin, rows), weight.t());
    loss += chunk_loss(logits, target, sums);
    if (saved != nullptr && !weight_trains) {
      chunk_gradient_(logits, target, sums);
      at::Tensor dx = saved->dx.narrow(0, begin, rows);
      at::mm_out(dx, logits, weight);
    }
    begin += rows;
  }
  if (saved != nullptr) saved->logsumexp = logsumexp;
  if (keep_logits) saved->logits = buffer;
  return loss;
}

at::Tensor linear_cross_entropy_backward(const at::Tensor& x, const at::Tensor& weight,
                                         const at::Tensor& targets, LinearCrossEntropySaved& saved,
                                         at::Tensor dw) {
  if (saved.dx.defined()) return saved.dx;
  const int64_t n = x.size(0), vocab = weight.size(0);
  TEMPER_CHECK(dw.defined() && dw.sizes() == weight.sizes() && dw.is_contiguous(),
               "linear_cross_entropy_backward: the gradient has another shape than the weight");
  if (n == 0) dw.zero_();
  const int64_t chunk = cross_entropy_chunk_rows(vocab), kept = saved.logits.size(0);
  const int64_t first_kept = n - kept;
  at::Tensor dx = at::empty_like(x);
  // The kept chunks first: their memory then serves those that are computed again.
  int64_t end = n;
  while (end > 0) {
    const bool is_kept = end > first_kept;
    const int64_t start = is_kept ? first_kept : 0;
    const int64_t begin = start + (end - start - 1) / chunk * chunk, rows = end - begin;
    at::Tensor logits = saved.logits.narrow(0, is_kept ? begin - first_kept : 0, rows);
    const at::Tensor x_rows = x.narrow(0, begin, rows);
    if (!is_kept) at::mm_out(logits, x_rows, weight.t());
    chunk_gradient_(logits, targets.narrow(0, begin, rows), saved.logsumexp.narrow(0, begin, rows));
    at::Tensor dx_rows = dx.narrow(0, begin, rows);
    at::mm_out(dx_rows, logits, weight);
    if (end == n) {
      at::mm_out(dw, logits.t(), x_rows);
    } else {
      dw.addmm_(logits.t(), x_rows);
    }
    end = begin;
  }
  saved = {};
  return dx;
}

}  // namespace temper
