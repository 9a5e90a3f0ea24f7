#include "kernels/cpu/attention_tiles.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "arch/layout/working_memory.h"
#include "kernels/cpu/product_tile.h"

namespace temper {

#ifdef TEMPER_TARGET_AVX512

static_assert(kAttentionTiles.strip == kTileRows && kAttentionTiles.key_strip == kTileRows);
static_assert(kAttentionTiles.forward_keys % kTileColumns == 0 &&
              kAttentionTiles.keys % kTileColumns == 0);

namespace {

// Rows lie too far apart for the processor to see what comes next: the next strip, mostly.
constexpr int64_t kRowsAhead = kTileRows;

void prefetch_row(const RowsView& in, int64_t row) {
  const float* data = in.data + row * in.stride;
  for (int64_t i = 0; i < in.columns; i += kLanes) __builtin_prefetch(data + i, 0, 2);
}

template <Left kLeft>
void multiply_strip(const float* a, int64_t a_stride, int64_t rows, int64_t inner, const float* b,
                    int64_t columns, float* out, int64_t out_stride, bool adds) {
  const int64_t b_stride = attention_row_stride(columns);
  for (int64_t c = 0; c < columns; c += kTileColumns) {
    multiply_columns<kLeft>(a, a_stride, b + c, b_stride, inner, out + c, out_stride, adds, rows,
                            std::min(kTileColumns, columns - c));
  }
}

}  // namespace

void copy_rows(const RowsView& in, float* out) {
  const int64_t stride = attention_row_stride(in.columns);
  for (int64_t r = 0; r < in.rows; ++r) {
    float* row = out + r * stride;
    prefetch_row(in, r + kRowsAhead);
    std::memcpy(row, in.data + r * in.stride, static_cast<size_t>(in.columns) * sizeof(float));
    std::fill(row + in.columns, row + stride, 0.0f);
  }
}

void copy_transposed(const RowsView& in, float* out) {
  for (int64_t first = 0; first < in.rows; first += kLanes) {
    for (int64_t r = 0; r < kLanes; ++r) prefetch_row(in, first + kLanes + r);
    const int64_t rows = std::min(kLanes, in.rows - first);
    const float* from = in.data + first * in.stride;
    float* strip = out + first / kTileColumns * kTileColumns * in.columns + first % kTileColumns;
    int64_t k = 0;
    if (rows == kLanes) {
      for (; k + kLanes <= in.columns; k += kLanes) {
        transpose16(from + k, in.stride, strip + k * kTileColumns, kTileColumns);
      }
    }
    for (; k < in.columns; ++k) {
      float* column = strip + k * kTileColumns;
      for (int64_t r = 0; r < rows; ++r) column[r] = from[r * in.stride + k];
      std::fill(column + rows, column + kLanes, 0.0f);
    }
  }
  if (const int64_t rest = in.rows % kTileColumns; rest > 0 && rest <= kLanes) {
    float* strip = out + (in.rows - rest) * in.columns;
    for (int64_t k = 0; k < in.columns; ++k) {
      float* column = strip + k * kTileColumns;
      std::fill(column + kLanes, column + kTileColumns, 0.0f);
    }
  }
}

void multiply_by_transposed(const RowsView& a, const float* b, int64_t begin, int64_t end,
                            float* out, int64_t out_stride) {
  for (int64_t r = 0; r < a.rows; r += kTileRows) {
    const int64_t rows = std::min(kTileRows, a.rows - r);
    const float* from = a.data + r * a.stride;
    for (int64_t c = begin / kTileColumns * kTileColumns; c < end; c += kTileColumns) {
      const auto multiply = end - c > kLanes ? kTileFunctions<2, Left::kByRows>[rows - 1]
                                             : kTileFunctions<1, Left::kByRows>[rows - 1];
      multiply(from, a.stride, b + c * a.columns, kTileColumns, a.columns, out + r * out_stride + c,
               out_stride, false);
    }
  }
}

void multiply_rows(const RowsView& a, const float* b, int64_t columns, float* out,
                   int64_t out_stride, bool adds) {
  for (int64_t r = 0; r < a.rows; r += kTileRows) {
    multiply_strip<Left::kByRows>(a.data + r * a.stride, a.stride, std::min(kTileRows, a.rows - r),
                                  a.columns, b, columns, out + r * out_stride, out_stride, adds);
  }
}

void add_transposed_product(const RowsView& a, const float* b, int64_t columns, float* out,
                            int64_t out_stride) {
  for (int64_t r = 0; r < a.columns; r += kTileRows) {
    multiply_strip<Left::kAcross>(a.data + r, a.stride, std::min(kTileRows, a.columns - r), a.rows,
                                  b, columns, out + r * out_stride, out_stride, true);
  }
}

#else

// Nobody may call these.
void copy_rows(const RowsView&, float*) {
  std::abort();
}
void copy_transposed(const RowsView&, float*) {
  std::abort();
}
void multiply_by_transposed(const RowsView&, const float*, int64_t, int64_t, float*, int64_t) {
  std::abort();
}
void multiply_rows(const RowsView&, const float*, int64_t, float*, int64_t, bool) {
  std::abort();
}
void add_transposed_product(const RowsView&, const float*, int64_t, float*, int64_t) {
  std::abort();
}

#endif

}  // namespace temper
