#include "kernels/cpu/matrix_product.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

#include "arch/layout/working_memory.h"
#include "kernels/cpu/processor.h"
#include "kernels/cpu/product_tile.h"

namespace temper {

MatrixProduct rows_of(const MatrixProduct& product, int64_t begin, int64_t end) {
  MatrixProduct part = product;
  part.term.a.data += begin * part.term.a.row_stride;
  if (part.more.inner > 0) part.more.a.data += begin * part.more.a.row_stride;
  part.out += begin * part.out_stride;
  part.rows = end - begin;
  return part;
}

MatrixProduct columns_of(const MatrixProduct& product, int64_t begin, int64_t end) {
  MatrixProduct part = product;
  part.term.b.data += begin * part.term.b.column_stride;
  if (part.more.inner > 0) part.more.b.data += begin * part.more.b.column_stride;
  part.out += begin;
  part.columns = end - begin;
  return part;
}

#ifdef TEMPER_TARGET_AVX512

namespace {

// A strip of rows of a (56 KiB) stays in the first two levels of the cache while it meets all
// strips of a block of b, whose 4 MiB lie in the third. A second term of up to kPackedMoreInner is
// added while a tile is in the first-level cache.
static_assert(kPackedRows % kTileRows == 0 && kPackedColumns % kTileColumns == 0);

struct Free {
  void operator()(float* data) const { std::free(data); }
};

std::unique_ptr<float[], Free> allocate(int64_t elements) {
  void* data = std::aligned_alloc(64, static_cast<size_t>(elements) * sizeof(float));
  if (data == nullptr) throw std::bad_alloc();
  return std::unique_ptr<float[], Free>(static_cast<float*>(data));
}

// The memory that each thread keeps from one product to the next, packed_product_elements() in all.
struct Packed {
  std::unique_ptr<float[], Free> a = allocate(kPackedRows * kPackedInner);
  std::unique_ptr<float[], Free> b = allocate(kPackedColumns * kPackedInner);
  std::unique_ptr<float[], Free> more_b = allocate(kPackedColumns * kPackedMoreInner);
};

// Lanes are rows of a or columns of b.
struct Lanes {
  const float* data;
  int64_t lane_stride;
  int64_t inner_stride;
};

template <int64_t kWidth>
TEMPER_TARGET_AVX512 void pack_dense_lanes(const Lanes& in, int64_t inner, float* out) {
  for (int64_t k = 0; k < inner; ++k) {
    const float* from = in.data + k * in.inner_stride;
    std::memcpy(out + k * kWidth, from, kWidth * sizeof(float));
  }
}

// Whole cache lines at once: at some strides the lanes' lines do not fit in the cache together.
template <int64_t kWidth>
TEMPER_TARGET_AVX512 void pack_dense_inner(const Lanes& in, int64_t inner, float* out) {
  static_assert(kWidth % kLanes == 0);
  int64_t k = 0;
  for (; k + kLanes <= inner; k += kLanes) {
    for (int64_t i = 0; i < kWidth; i += kLanes) {
      transpose16(in.data + i * in.lane_stride + k, in.lane_stride, out + k * kWidth + i, kWidth);
    }
  }
  for (; k < inner; ++k) {
    for (int64_t i = 0; i < kWidth; ++i) out[k * kWidth + i] = in.data[i * in.lane_stride + k];
  }
}

template <int64_t kWidth>
void pack_part_strip(const Lanes& in, int64_t lanes, int64_t inner, float* out) {
  std::memset(out, 0, static_cast<size_t>(inner * kWidth) * sizeof(float));
  for (int64_t i = 0; i < lanes; ++i) {
    const float* from = in.data + i * in.lane_stride;
    for (int64_t k = 0; k < inner; ++k) out[k * kWidth + i] = from[k * in.inner_stride];
  }
}

// A strip of `lanes` (at most kTileColumns) over `inner`: out[k * kTileColumns + i], zero where
// there is no lane.
void pack_strip(const Lanes& in, int64_t lanes, int64_t inner, float* out) {
  if (lanes < kTileColumns) {
    pack_part_strip<kTileColumns>(in, lanes, inner, out);
  } else if (in.lane_stride == 1) {
    pack_dense_lanes<kTileColumns>(in, inner, out);
  } else {
    pack_dense_inner<kTileColumns>(in, inner, out);
  }
}

// Columns [first, first + columns) of rows [k, k + inner) of b, in strips of kTileColumns. Some
// rows of all strips at a time, so that a row's cache lines and pages are met again soon.
void pack_columns(const MatrixView& b, int64_t k, int64_t inner, int64_t first, int64_t columns,
                  float* out) {
  constexpr int64_t kStep = 128;
  for (int64_t j = 0; j < inner; j += kStep) {
    const int64_t rows = std::min(kStep, inner - j);
    for (int64_t c = 0; c < columns; c += kTileColumns) {
      const float* strip = b.data + (k + j) * b.row_stride + (first + c) * b.column_stride;
      pack_strip({strip, b.column_stride, b.row_stride}, std::min(kTileColumns, columns - c), rows,
                 out + c * inner + j * kTileColumns);
    }
  }
}

// Rows of a transposed a, several strips of them: out[k * kPackedRows + i]. A strip alone would
// read every cache line for less than half of it.
void pack_rows(const MatrixView& a, int64_t first, int64_t rows, int64_t k, int64_t inner,
               float* out) {
  const Lanes lanes{a.data + first + k * a.column_stride, 1, a.column_stride};
  if (rows == kPackedRows) {
    pack_dense_lanes<kPackedRows>(lanes, inner, out);
  } else {
    pack_part_strip<kPackedRows>(lanes, rows, inner, out);
  }
}

// The part of the result that a packed block of b gives.
struct Block {
  int64_t column, columns;
  int64_t k, inner;
  bool adds;
  bool is_last;  // of the blocks of `inner`
};

// Rows at multiples of 4 KiB fall on the same few lines of the first-level cache, which has room
// for eight of them.
int64_t rows_per_tile(const MatrixView& a) {
  return a.column_stride == 1 && a.row_stride % 1024 == 0 ? 8 : kTileRows;
}

// The sides of a tile. `a` is as `left` says; b is a packed strip of kTileColumns.
struct Tile {
  Left left;
  const float* a;
  int64_t a_stride;
  const float* b;
  int64_t inner;

  void multiply(float* out, int64_t out_stride, bool adds, int64_t rows, int64_t columns) const {
    const auto part =
        left == Left::kByRows ? multiply_columns<Left::kByRows> : multiply_columns<Left::kAcross>;
    part(a, a_stride, b, kTileColumns, inner, out, out_stride, adds, rows, columns);
  }
};

void multiply_block(const MatrixProduct& p, const Block& block, const Packed& packed) {
  const MatrixView &a = p.term.a, &more_a = p.more.a;
  const bool in_place = a.column_stride == 1;
  const int64_t step = rows_per_tile(a), more_inner = block.is_last ? p.more.inner : 0;
  for (int64_t r = 0; r < p.rows; r += step) {
    const int64_t rows = std::min(step, p.rows - r);
    const float* strip = a.data + r * a.row_stride + block.k * a.column_stride;
    const int64_t packed_row = r % kPackedRows;
    if (!in_place && packed_row == 0) {
      pack_rows(a, r, std::min(kPackedRows, p.rows - r), block.k, block.inner, packed.a.get());
    }
    for (int64_t c = 0; c < block.columns; c += kTileColumns) {
      const int64_t columns = std::min(kTileColumns, block.columns - c);
      float* out = p.out + r * p.out_stride + block.column + c;
      const float* b = packed.b.get() + c * block.inner;
      const Tile tile =
          in_place ? Tile{Left::kByRows, strip, a.row_stride, b, block.inner}
                   : Tile{Left::kAcross, packed.a.get() + packed_row, kPackedRows, b, block.inner};
      tile.multiply(out, p.out_stride, block.adds, rows, columns);
      if (more_inner == 0) continue;
      const Tile more{Left::kByRows, more_a.data + r * more_a.row_stride, more_a.row_stride,
                      packed.more_b.get() + c * more_inner, more_inner};
      more.multiply(out, p.out_stride, true, rows, columns);
    }
  }
}

constexpr int64_t kNarrowInner = 32;

// A line of each row of the next block: too many streams for the processor to follow by itself.
void prefetch_rows(const float* data, int64_t stride) {
  for (int64_t i = 0; i < kNarrowInner; ++i) __builtin_prefetch(data + i * stride, 0, 2);
}

// Blocks of about the same size, so that none is short.
int64_t block_inner(int64_t inner) {
  const int64_t num_blocks = (inner + kPackedInner - 1) / kPackedInner;
  return ((inner + num_blocks - 1) / num_blocks + 7) / 8 * 8;
}

}  // namespace

bool has_matrix_product() {
  return __builtin_cpu_is("amd") != 0 && has_avx512();
}

void matrix_product(const MatrixProduct& p) {
  if (p.more.inner > kPackedMoreInner) {
    MatrixProduct part = p;
    part.more = {};
    matrix_product(part);
    part.term = p.more;
    part.adds = true;
    return matrix_product(part);
  }
  static thread_local const Packed packed;
  const int64_t step = block_inner(p.term.inner);
  for (int64_t c = 0; c < p.columns; c += kPackedColumns) {
    const int64_t columns = std::min(kPackedColumns, p.columns - c);
    pack_columns(p.more.b, 0, p.more.inner, c, columns, packed.more_b.get());
    for (int64_t k = 0; k < p.term.inner; k += step) {
      const int64_t inner = std::min(step, p.term.inner - k);
      pack_columns(p.term.b, k, inner, c, columns, packed.b.get());
      multiply_block(p, {c, columns, k, inner, p.adds || k > 0, k + inner == p.term.inner}, packed);
    }
  }
}

// Some rows of both sides at a time, which stay in the cache for all tiles.
void skinny_matrix_product(const MatrixProduct& p) {
  constexpr int64_t kStep = kMaxTileRows<1>, kInner = kNarrowInner;
  alignas(64) float edge[kInner * kLanes];
  const MatrixView &a = p.term.a, &b = p.term.b;
  for (int64_t k = 0; k < p.term.inner; k += kInner) {
    const int64_t inner = std::min(kInner, p.term.inner - k);
    for (int64_t r = 0; r < p.rows; r += kStep) {
      for (int64_t c = 0; c < p.columns; c += kLanes) {
        const int64_t columns = std::min(kLanes, p.columns - c);
        const float* from_b = b.data + k * b.row_stride + c;
        if (c == 0) prefetch_rows(a.data + (k + kInner) * a.column_stride + r, a.column_stride);
        if (r == 0) prefetch_rows(from_b + kInner * b.row_stride, b.row_stride);
        // A tile reads all its columns, which may be more than there are.
        if (columns < kLanes) {
          pack_part_strip<kLanes>({from_b, 1, b.row_stride}, columns, inner, edge);
        }
        multiply_part_tile<1, Left::kAcross>(
            a.data + k * a.column_stride + r, a.column_stride, columns < kLanes ? edge : from_b,
            columns < kLanes ? kLanes : b.row_stride, inner, p.out + r * p.out_stride + c,
            p.out_stride, p.adds || k > 0, std::min(kStep, p.rows - r), columns);
      }
    }
  }
}

#else

bool has_matrix_product() {
  return false;
}

// Nobody may call these.
void matrix_product(const MatrixProduct&) {
  std::abort();
}

void skinny_matrix_product(const MatrixProduct&) {
  std::abort();
}

#endif

}  // namespace temper
