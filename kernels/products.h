// Matrix products: LibTorch's, or on AMD processors with AVX-512 our own where it is faster
// (kernels/cpu/matrix_product.h, docs/decisions/products.md). Inside kernels/ only.
#pragma once

#include <ATen/ATen.h>

namespace temper {

// A second product, which is added to a first one: the term of an adapter. Undefined: none.
struct Factors {
  at::Tensor left;   // [m, r]
  at::Tensor right;  // [r, n]
};

// a b + more, of a [m, k] and b [k, n] in one type.
at::Tensor product(const at::Tensor& a, const at::Tensor& b, const Factors& more = {});
// c + a b + more, of c [m, n] or [n].
at::Tensor product_plus(const at::Tensor& c, const at::Tensor& a, const at::Tensor& b,
                        const Factors& more = {});
// out += a b + more, of one type where there is a second product.
void add_product_(at::Tensor out, const at::Tensor& a, const at::Tensor& b,
                  const Factors& more = {});

// out [m, n] = a b; out in their type, or in fp32: gradients of weights and logits are, where
// activations are bf16.
void product_out(at::Tensor out, const at::Tensor& a, const at::Tensor& b);

}  // namespace temper
