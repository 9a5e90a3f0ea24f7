#include "kernels/wide_product.h"

#include "kernels/operators.h"

namespace temper {

void product_out(at::Tensor out, const at::Tensor& a, const at::Tensor& b) {
  if (out.scalar_type() == a.scalar_type()) {
    at::mm_out(out, a, b);
  } else {
    operators_for(a).wide_product(out, a, b);
  }
}

void add_product_(at::Tensor out, const at::Tensor& a, const at::Tensor& b) {
  if (out.scalar_type() == a.scalar_type()) {
    out.addmm_(a, b);
  } else {
    const at::Tensor product = at::empty_like(out);
    operators_for(a).wide_product(product, a, b);
    out.add_(product);
  }
}

}  // namespace temper
