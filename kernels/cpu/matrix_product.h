// Large products of fp32 matrices for processors with 512-bit registers, after Goto and van de
// Geijn, "Anatomy of High-Performance Matrix Multiplication" (ACM TOMS 34, 2008): blocks of both
// matrices are packed for the caches, and a tile of the result stays in registers.
#pragma once

#include <cstdint>

namespace temper {

// Element (i, j) lies at data[i * row_stride + j * column_stride]; one of the strides is 1.
struct MatrixView {
  const float* data = nullptr;
  int64_t row_stride = 0;
  int64_t column_stride = 0;
};

// out [rows, columns] = a [rows, inner] b [inner, columns], or += with `adds`.
struct MatrixProduct {
  MatrixView a;
  MatrixView b;
  float* out = nullptr;
  int64_t out_stride = 0;  // from one row to the next
  int64_t rows = 0, inner = 0, columns = 0;
  bool adds = false;
};

// Whether this processor is one on which matrix_product was found to be faster than the BLAS
// library: AMD's with AVX-512.
bool has_matrix_product();

// On one thread. An element's bits depend on its row of a and its column of b alone: not on where
// it lies in the result, nor on how large that is.
void matrix_product(const MatrixProduct& product);

}  // namespace temper
