#include "kernels/products.h"

#include <ATen/Parallel.h>

#include <algorithm>

#include "kernels/cpu/matrix_product.h"
#include "kernels/operators.h"

namespace temper {
namespace {

// Below these packing costs more than it saves (measured: docs/decisions/products.md).
constexpr int64_t kMinRows = 28, kMinColumns = 64, kMinInner = 32;

bool is_one_way_dense(const at::Tensor& matrix) {
  return matrix.stride(0) == 1 || matrix.stride(1) == 1;
}

bool is_ours(const at::Tensor& out, const at::Tensor& a, const at::Tensor& b) {
  static const bool has_ours = has_matrix_product();
  return has_ours && a.is_cpu() && a.scalar_type() == at::kFloat &&
         out.scalar_type() == at::kFloat && b.scalar_type() == at::kFloat &&
         a.size(0) >= kMinRows && b.size(1) >= kMinColumns && a.size(1) >= kMinInner &&
         a.size(1) == b.size(0) && out.stride(1) == 1 && is_one_way_dense(a) && is_one_way_dense(b);
}

MatrixView view_of(const at::Tensor& matrix) {
  return {matrix.const_data_ptr<float>(), matrix.stride(0), matrix.stride(1)};
}

// Threads share the longer side of the result, which changes no bits.
void own_product(const at::Tensor& out, const at::Tensor& a, const at::Tensor& b, bool adds) {
  const MatrixProduct whole{.a = view_of(a),
                            .b = view_of(b),
                            .out = out.data_ptr<float>(),
                            .out_stride = out.stride(0),
                            .rows = a.size(0),
                            .inner = a.size(1),
                            .columns = b.size(1),
                            .adds = adds};
  const bool by_rows = whole.rows >= whole.columns;
  const int64_t grain = std::max<int64_t>(
      64, (int64_t{1} << 22) / (whole.inner * (by_rows ? whole.columns : whole.rows)));
  at::parallel_for(0, by_rows ? whole.rows : whole.columns, grain, [&](int64_t begin, int64_t end) {
    MatrixProduct part = whole;
    if (by_rows) {
      part.a.data += begin * part.a.row_stride;
      part.out += begin * part.out_stride;
      part.rows = end - begin;
    } else {
      part.b.data += begin * part.b.column_stride;
      part.out += begin;
      part.columns = end - begin;
    }
    matrix_product(part);
  });
}

}  // namespace

at::Tensor product(const at::Tensor& a, const at::Tensor& b) {
  at::Tensor out = at::empty({a.size(0), b.size(1)}, a.options());
  product_out(out, a, b);
  return out;
}

at::Tensor product_plus(const at::Tensor& c, const at::Tensor& a, const at::Tensor& b) {
  at::Tensor out = at::empty({a.size(0), b.size(1)}, a.options());
  if (!is_ours(out, a, b)) return at::addmm_out(out, c, a, b);
  out.copy_(c);  // every row the same where c is one
  own_product(out, a, b, true);
  return out;
}

void product_out(at::Tensor out, const at::Tensor& a, const at::Tensor& b) {
  if (is_ours(out, a, b)) {
    own_product(out, a, b, false);
  } else if (out.scalar_type() == a.scalar_type()) {
    at::mm_out(out, a, b);
  } else {
    operators_for(a).wide_product(out, a, b);
  }
}

void add_product_(at::Tensor out, const at::Tensor& a, const at::Tensor& b) {
  if (is_ours(out, a, b)) {
    own_product(out, a, b, true);
  } else if (out.scalar_type() == a.scalar_type()) {
    out.addmm_(a, b);
  } else {
    const at::Tensor product = at::empty_like(out);
    operators_for(a).wide_product(product, a, b);
    out.add_(product);
  }
}

}  // namespace temper
