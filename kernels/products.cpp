#include "kernels/products.h"

#include <ATen/Parallel.h>

#include <algorithm>

#include "kernels/cpu/matrix_product.h"
#include "kernels/operators.h"

namespace temper {
namespace {

// Below these packing costs more than it saves.
constexpr int64_t kMinRows = 28, kMinColumns = 64, kMinInner = 32;
// The short side of results for which nothing long is packed.
constexpr int64_t kMinSkinny = 4, kMaxSkinny = 64;

bool is_one_way_dense(const at::Tensor& matrix) {
  return matrix.stride(0) == 1 || matrix.stride(1) == 1;
}

bool is_skinny(const at::Tensor& a, const at::Tensor& b, const Factors& more) {
  return a.stride(0) == 1 && b.stride(1) == 1 && !more.left.defined() &&
         std::min(a.size(0), b.size(1)) <= kMaxSkinny;
}

bool are_large(const at::Tensor& a, const at::Tensor& b, const Factors& more) {
  if (a.size(1) < kMinInner) return false;
  if (is_skinny(a, b, more)) return std::min(a.size(0), b.size(1)) >= kMinSkinny;
  return a.size(0) >= kMinRows && b.size(1) >= (a.stride(1) == 1 ? kMinSkinny : kMinColumns);
}

bool fits(const at::Tensor& out, const Factors& more) {
  return more.left.size(0) == out.size(0) && more.left.size(1) == more.right.size(0) &&
         more.right.size(1) == out.size(1) && more.left.scalar_type() == at::kFloat &&
         more.right.scalar_type() == at::kFloat && more.left.stride(1) == 1 &&
         is_one_way_dense(more.right);
}

bool is_ours(const at::Tensor& out, const at::Tensor& a, const at::Tensor& b,
             const Factors& more = {}) {
  static const bool has_ours = has_matrix_product();
  return has_ours && a.is_cpu() && a.scalar_type() == at::kFloat &&
         out.scalar_type() == at::kFloat && b.scalar_type() == at::kFloat &&
         a.size(1) == b.size(0) && out.stride(1) == 1 && is_one_way_dense(a) &&
         is_one_way_dense(b) && are_large(a, b, more) && (!more.left.defined() || fits(out, more));
}

MatrixView view_of(const at::Tensor& matrix) {
  return {matrix.const_data_ptr<float>(), matrix.stride(0), matrix.stride(1)};
}

MatrixTerm term_of(const at::Tensor& a, const at::Tensor& b) {
  return {view_of(a), view_of(b), a.size(1)};
}

// Threads share the longer side of the result, which changes no bits.
void own_product(const at::Tensor& out, const at::Tensor& a, const at::Tensor& b,
                 const Factors& more, bool adds) {
  const MatrixProduct whole{
      .term = term_of(a, b),
      .more = more.left.defined() ? term_of(more.left, more.right) : MatrixTerm{},
      .out = out.data_ptr<float>(),
      .out_stride = out.stride(0),
      .rows = a.size(0),
      .columns = b.size(1),
      .adds = adds};
  const auto multiply = is_skinny(a, b, more) ? skinny_matrix_product : matrix_product;
  const bool by_rows = whole.rows >= whole.columns;
  const int64_t grain = std::max<int64_t>(
      64, (int64_t{1} << 22) / (whole.term.inner * (by_rows ? whole.columns : whole.rows)));
  at::parallel_for(0, by_rows ? whole.rows : whole.columns, grain, [&](int64_t begin, int64_t end) {
    multiply(by_rows ? rows_of(whole, begin, end) : columns_of(whole, begin, end));
  });
}

void add_factors_(at::Tensor out, const Factors& more) {
  if (more.left.defined()) out.addmm_(more.left, more.right);
}

}  // namespace

at::Tensor product(const at::Tensor& a, const at::Tensor& b, const Factors& more) {
  at::Tensor out = at::empty({a.size(0), b.size(1)}, a.options());
  if (is_ours(out, a, b, more)) {
    own_product(out, a, b, more, false);
  } else {
    at::mm_out(out, a, b);
    add_factors_(out, more);
  }
  return out;
}

at::Tensor product_plus(const at::Tensor& c, const at::Tensor& a, const at::Tensor& b,
                        const Factors& more) {
  at::Tensor out = at::empty({a.size(0), b.size(1)}, a.options());
  if (is_ours(out, a, b, more)) {
    out.copy_(c);  // every row the same where c is one
    own_product(out, a, b, more, true);
  } else {
    at::addmm_out(out, c, a, b);
    add_factors_(out, more);
  }
  return out;
}

void add_product_(at::Tensor out, const at::Tensor& a, const at::Tensor& b, const Factors& more) {
  if (is_ours(out, a, b, more)) return own_product(out, a, b, more, true);
  if (out.scalar_type() == a.scalar_type()) {
    out.addmm_(a, b);
  } else {
    const at::Tensor product = at::empty_like(out);
    operators_for(a).fp32_accumulate_product(product, a, b);
    out.add_(product);
  }
  add_factors_(out, more);
}

void product_out(at::Tensor out, const at::Tensor& a, const at::Tensor& b) {
  if (is_ours(out, a, b)) {
    own_product(out, a, b, {}, false);
  } else if (out.scalar_type() == a.scalar_type()) {
    at::mm_out(out, a, b);
  } else {
    operators_for(a).fp32_accumulate_product(out, a, b);
  }
}

}  // namespace temper
