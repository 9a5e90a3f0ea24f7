#include "kernels/linear_cross_entropy.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <vector>

#include "arch/layout/working_memory.h"
#include "common/error.h"
#include "kernels/cpu/cross_entropy_rows.h"
#include "kernels/cpu/row_blocks.h"
#include "kernels/operators.h"
#include "kernels/products.h"

namespace temper {
namespace {

// A GPU's products want more rows, and it has the memory for 512 MiB of logits.
int64_t chunk_rows_for(const at::Tensor& x, int64_t vocab) {
  return x.is_cuda() ? gpu_cross_entropy_chunk_rows(vocab) : cross_entropy_chunk_rows(vocab);
}

// function(index, logits, target) of each row, in parallel.
template <typename Function>
void for_each_row(const at::Tensor& logits, const at::Tensor& targets, Function&& function) {
  const int64_t rows = logits.size(0), vocab = logits.size(1);
  float* data = logits.data_ptr<float>();
  const int64_t* target = targets.const_data_ptr<int64_t>();
  at::parallel_for(0, rows, row_grain(vocab), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      TEMPER_CHECK(target[r] >= 0 && target[r] < vocab, "target {} of {}", target[r], vocab);
      function(r, data + r * vocab, target[r]);
    }
  });
}

// The loss of each row goes to `losses`, in fp64.
void row_cross_entropy(const at::Tensor& logits, const at::Tensor& targets, at::Tensor losses) {
  if (!has_cpu_loops(logits)) {
    const at::Tensor picked = logits.gather(1, targets.unsqueeze(1)).squeeze(1);
    losses.copy_(logits.logsumexp(1).to(at::kDouble).sub_(picked.to(at::kDouble)));
    return;
  }
  // A process's first at::exp may be wrong in the fifth digit (pytorch issue 188792), and with it
  // at::logsumexp.
  const int64_t vocab = logits.size(1);
  double* loss = losses.data_ptr<double>();
  for_each_row(logits, targets, [&](int64_t r, const float* row, int64_t target) {
    loss[r] = logsumexp_row(row, vocab) - static_cast<double>(row[target]);
  });
}

// The chunk's loss sum. With `backward` the logits become its gradient with respect to themselves.
at::Tensor chunk_cross_entropy(at::Tensor logits, const at::Tensor& targets, bool backward) {
  if (!has_cpu_loops(logits)) {
    const Operators& operators = operators_for(logits);
    const at::Tensor logsumexp = at::empty({logits.size(0)}, logits.options());
    const at::Tensor loss = operators.chunk_loss(logits, targets, logsumexp);
    if (backward) operators.chunk_gradient_(logits, targets, logsumexp);
    return loss;
  }
  const int64_t vocab = logits.size(1);
  std::vector<double> losses(logits.size(0));
  for_each_row(logits, targets, [&](int64_t r, float* row, int64_t target) {
    const auto logit = static_cast<double>(row[target]);
    const double sum =
        backward ? cross_entropy_backward_row(row, vocab, target) : logsumexp_row(row, vocab);
    losses[r] = sum - logit;
  });
  double loss = 0.0;
  for (const double term : losses) loss += term;
  return at::scalar_tensor(loss, at::kDouble);
}

}  // namespace

at::Tensor cross_entropy_of_rows(const at::Tensor& x, const at::Tensor& weight,
                                 const at::Tensor& targets) {
  const int64_t n = x.size(0);
  const int64_t chunk = std::max<int64_t>(1, std::min(n, chunk_rows_for(x, weight.size(0))));
  at::Tensor losses = at::empty({n}, x.options().dtype(at::kDouble));
  for (int64_t begin = 0; begin < n; begin += chunk) {
    const int64_t rows = std::min(chunk, n - begin);
    const at::Tensor logits = product(x.narrow(0, begin, rows), weight.t()).to(at::kFloat);
    row_cross_entropy(logits, targets.narrow(0, begin, rows), losses.narrow(0, begin, rows));
  }
  return losses;
}

at::Tensor linear_cross_entropy(const at::Tensor& x, const at::Tensor& weight,
                                const at::Tensor& targets, LinearCrossEntropyGradients* gradients,
                                at::Tensor& workspace) {
  const int64_t n = x.size(0), vocab = weight.size(0);
  const int64_t chunk = std::min(n, chunk_rows_for(x, vocab));
  at::Tensor dw = gradients == nullptr ? at::Tensor() : gradients->dw;
  TEMPER_CHECK(!dw.defined() || (dw.sizes() == weight.sizes() && dw.is_contiguous()),
               "linear_cross_entropy: the gradient has another shape than the weight");
  if (gradients != nullptr) gradients->dx = at::empty_like(x);
  if (n == 0 && dw.defined()) dw.zero_();
  // The softmax and its gradient are taken in fp32, whatever the type of the products.
  const auto fp32 = x.options().dtype(at::kFloat);
  if (!workspace.defined() || workspace.numel() < chunk * vocab) {
    workspace.reset();  // before its successor
    workspace = at::empty({chunk * vocab}, fp32);
  }

  at::Tensor loss = at::zeros({}, fp32.dtype(at::kDouble));
  for (int64_t begin = 0; begin < n; begin += chunk) {
    const int64_t rows = std::min(chunk, n - begin);
    at::Tensor logits = workspace.narrow(0, 0, rows * vocab).view({rows, vocab});
    const at::Tensor x_rows = x.narrow(0, begin, rows), target = targets.narrow(0, begin, rows);
    product_out(logits, x_rows, weight.t());
    loss += chunk_cross_entropy(logits, target, gradients != nullptr);
    if (gradients == nullptr) continue;
    const at::Tensor d_logits = logits.to(x.scalar_type());
    at::Tensor dx_rows = gradients->dx.narrow(0, begin, rows);
    product_out(dx_rows, d_logits, weight);
    if (!dw.defined()) continue;
    // The first chunk overwrites, which saves clearing a gradient as large as the output matrix.
    if (begin == 0) {
      product_out(dw, d_logits.t(), x_rows);
    } else {
      add_product_(dw, d_logits.t(), x_rows);
    }
  }
  return loss;
}

}  // namespace temper
