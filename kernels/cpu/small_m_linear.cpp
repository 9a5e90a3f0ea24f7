#include "kernels/cpu/small_m_linear.h"

#include <ATen/Parallel.h>

#include <algorithm>

#include "common/error.h"
#include "kernels/cpu/small_m_product.h"

namespace temper {
namespace {

const float* data_or_null(const at::Tensor& x) {
  return x.defined() ? x.const_data_ptr<float>() : nullptr;
}

}  // namespace

void small_m_linear_out(at::Tensor out, const at::Tensor& x, const at::Tensor& weight,
                        const at::Tensor& bias, const at::Tensor& residual, double scale) {
  const int64_t rows = x.size(0), inner = x.size(1), columns = weight.size(0);
  TEMPER_CHECK(
      weight.size(1) == inner && out.is_contiguous() && out.size(0) == rows &&
          out.size(1) == columns && (!bias.defined() || bias.numel() == columns) &&
          (!residual.defined() || (residual.is_contiguous() && residual.sizes() == out.sizes())),
      "small_m_linear: shapes do not agree");
  const SmallMProduct product{.x = x.const_data_ptr<float>(),
                              .weight = weight.const_data_ptr<float>(),
                              .bias = data_or_null(bias),
                              .residual = data_or_null(residual),
                              .out = out.data_ptr<float>(),
                              .rows = rows,
                              .inner = inner,
                              .columns = columns,
                              .scale = static_cast<float>(scale)};
  // A task that is worth another thread: some 10 microseconds.
  constexpr int64_t kTaskProducts = int64_t{1} << 18;
  const int64_t grain = std::max<int64_t>(12, kTaskProducts / std::max<int64_t>(1, rows * inner));
  at::parallel_for(0, columns, grain,
                   [&](int64_t begin, int64_t end) { small_m_product(product, begin, end); });
}

}  // namespace temper
