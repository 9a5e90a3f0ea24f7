// The products of attention in tiles of kernels/cpu/product_tile.h, for processors that
// has_matrix_product() names. Each side is brought into a layout of our own once, for all products
// it is part of. Inside kernels/ only; on one thread.
//
// An element is the sum over `inner` in order: its bits depend on its row of a and column of b
// alone.
#pragma once

#include <cstdint>

namespace temper {

// A matrix whose rows are contiguous.
struct RowsView {
  const float* data = nullptr;
  int64_t rows = 0, columns = 0;
  int64_t stride = 0;  // from one row to the next
};

// Copies rows to `out`, attention_row_stride(columns) apart, zero up to a multiple of 32.
void copy_rows(const RowsView& in, float* out);

// in^T in strips of 32 columns, one after the other, each over all in.columns; zero where the last
// strip has no columns.
void copy_transposed(const RowsView& in, float* out);

// out[r][c] = a b^T for the columns [begin, end), and up to whole cache lines or a multiple of 32
// around them. b as copy_transposed made it.
void multiply_by_transposed(const RowsView& a, const float* b, int64_t begin, int64_t end,
                            float* out, int64_t out_stride);

// out [a.rows, columns] = a b, or += with `adds`. b as copy_rows made it.
void multiply_rows(const RowsView& a, const float* b, int64_t columns, float* out,
                   int64_t out_stride, bool adds);

// out [a.columns, columns] += a^T b.
void add_transposed_product(const RowsView& a, const float* b, int64_t columns, float* out,
                            int64_t out_stride);

}  // namespace temper
