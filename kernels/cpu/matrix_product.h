// Large products of fp32 matrices for processors with 512-bit registers, after Goto and van de
// Geijn, "Anatomy of High-Performance Matrix Multiplication" (ACM TOMS 34, 2008): blocks of the
// right matrix are packed for the caches, and a tile of the result stays in registers.
#pragma once

#include <cstdint>

namespace temper {

// Element (i, j) lies at data[i * row_stride + j * column_stride]; one of the strides is 1.
struct MatrixView {
  const float* data = nullptr;
  int64_t row_stride = 0;
  int64_t column_stride = 0;
};

// a [rows, inner] b [inner, columns].
struct MatrixTerm {
  MatrixView a;
  MatrixView b;
  int64_t inner = 0;
};

// out [rows, columns] = term + more, or += these with `adds`. `more` may be empty (inner 0), and
// its a lies by rows: it is there for adapters, so that the result is written once.
struct MatrixProduct {
  MatrixTerm term;
  MatrixTerm more;
  float* out = nullptr;
  int64_t out_stride = 0;  // from one row to the next
  int64_t rows = 0, columns = 0;
  bool adds = false;
};

// Rows, or columns, [begin, end) of a product.
MatrixProduct rows_of(const MatrixProduct& product, int64_t begin, int64_t end);
MatrixProduct columns_of(const MatrixProduct& product, int64_t begin, int64_t end);

// Whether this processor is one on which these were found to be faster than the BLAS library: AMD's
// with AVX-512.
bool has_matrix_product();

// On one thread. An element's bits depend on its rows of a and its columns of b alone: not on where
// it lies in the result, nor on how large that is.
void matrix_product(const MatrixProduct& product);

// Skinny products, of results with few rows or columns (some 64 at most), as the gradients of
// adapters are. Nothing is packed; the bits are others than matrix_product's. `a` is transposed
// (its row_stride is 1), b lies by rows, and there is no second term.
void skinny_matrix_product(const MatrixProduct& product);

}  // namespace temper
