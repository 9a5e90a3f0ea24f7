#include "kernels/cpu/matrix_product.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

#include "kernels/cpu/float8.h"

namespace temper {

#ifdef TEMPER_TARGET_AVX512

namespace {

using Int4 = int32_t __attribute__((vector_size(16)));
using Float16 = float __attribute__((vector_size(64)));

constexpr int64_t kLanes = 16;
// 28 sums, two values of b and one of a are 31 of 32 registers.
constexpr int64_t kTileRows = 14;
constexpr int64_t kTileVectors = 2;
constexpr int64_t kTileColumns = kTileVectors * kLanes;
// A strip of a block of a (28 KiB) stays in the first-level cache while it meets all strips of a
// block of b, whose 4 MiB lie in the third.
constexpr int64_t kMaxBlockInner = 512;
constexpr int64_t kBlockRows = 16 * kTileRows;
constexpr int64_t kBlockColumns = 64 * kTileColumns;

struct Free {
  void operator()(float* data) const { std::free(data); }
};

std::unique_ptr<float[], Free> allocate(int64_t elements) {
  void* data = std::aligned_alloc(64, static_cast<size_t>(elements) * sizeof(float));
  if (data == nullptr) throw std::bad_alloc();
  return std::unique_ptr<float[], Free>(static_cast<float*>(data));
}

// Of each thread, kept from one product to the next.
struct Packed {
  std::unique_ptr<float[], Free> a = allocate(kBlockRows * kMaxBlockInner);
  std::unique_ptr<float[], Free> b = allocate(kBlockColumns * kMaxBlockInner);
};

TEMPER_INLINE Float16 load16(const float* in) {
  Float16 value;
  std::memcpy(&value, in, sizeof(value));
  return value;
}

// out[j * out_stride + i] = in[i * in_stride + j], of four by four.
TEMPER_INLINE void transpose4(const float* in, int64_t in_stride, float* out, int64_t out_stride) {
  const Float4 r0 = load4(in), r1 = load4(in + in_stride);
  const Float4 r2 = load4(in + 2 * in_stride), r3 = load4(in + 3 * in_stride);
  const Float4 low01 = __builtin_shuffle(r0, r1, Int4{0, 4, 1, 5});
  const Float4 low23 = __builtin_shuffle(r2, r3, Int4{0, 4, 1, 5});
  const Float4 high01 = __builtin_shuffle(r0, r1, Int4{2, 6, 3, 7});
  const Float4 high23 = __builtin_shuffle(r2, r3, Int4{2, 6, 3, 7});
  store4(out, __builtin_shuffle(low01, low23, Int4{0, 1, 4, 5}));
  store4(out + out_stride, __builtin_shuffle(low01, low23, Int4{2, 3, 6, 7}));
  store4(out + 2 * out_stride, __builtin_shuffle(high01, high23, Int4{0, 1, 4, 5}));
  store4(out + 3 * out_stride, __builtin_shuffle(high01, high23, Int4{2, 3, 6, 7}));
}

// A strip of `lanes` (at most kWidth) rows of a, or columns of b, over `inner`: out[k * kWidth +
// i]. What the strip lacks to kWidth is zero.
template <int64_t kWidth>
TEMPER_TARGET_AVX512 void pack_strip(const float* in, int64_t lane_stride, int64_t inner_stride,
                                     int64_t lanes, int64_t inner, float* out) {
  if (lanes < kWidth) std::memset(out, 0, static_cast<size_t>(inner * kWidth) * sizeof(float));
  if (lane_stride == 1) {
    for (int64_t k = 0; k < inner; ++k) {
      const float* from = in + k * inner_stride;
      if (lanes == kWidth) {
        std::memcpy(out + k * kWidth, from, kWidth * sizeof(float));
      } else {
        std::memcpy(out + k * kWidth, from, static_cast<size_t>(lanes) * sizeof(float));
      }
    }
    return;
  }
  int64_t k = 0;
  for (; k + 4 <= inner; k += 4) {
    int64_t i = 0;
    for (; i + 4 <= lanes; i += 4) {
      transpose4(in + i * lane_stride + k, lane_stride, out + k * kWidth + i, kWidth);
    }
    for (; i < lanes; ++i) {
      for (int64_t j = k; j < k + 4; ++j) out[j * kWidth + i] = in[i * lane_stride + j];
    }
  }
  for (; k < inner; ++k) {
    for (int64_t i = 0; i < lanes; ++i) out[k * kWidth + i] = in[i * lane_stride + k];
  }
}

template <int64_t kWidth>
void pack(const float* in, int64_t lane_stride, int64_t inner_stride, int64_t lanes, int64_t inner,
          float* out) {
  for (int64_t first = 0; first < lanes; first += kWidth) {
    pack_strip<kWidth>(in + first * lane_stride, lane_stride, inner_stride,
                       std::min(kWidth, lanes - first), inner, out + first * inner);
  }
}

// A tile of the result in registers, stored to or added to `out`.
TEMPER_TARGET_AVX512 void multiply_tile(const float* a, const float* b, int64_t inner, float* out,
                                        int64_t out_stride, bool adds) {
  Float16 sums[kTileRows][kTileVectors] = {};
#pragma GCC unroll 14
  for (int64_t r = 0; r < kTileRows; ++r) {
    __builtin_prefetch(out + r * out_stride, 1);
    __builtin_prefetch(out + r * out_stride + kLanes, 1);
  }
  for (int64_t k = 0; k < inner; ++k) {
    const Float16 left = load16(b + k * kTileColumns);
    const Float16 right = load16(b + k * kTileColumns + kLanes);
#pragma GCC unroll 14
    for (int64_t r = 0; r < kTileRows; ++r) {
      const float from_a = a[k * kTileRows + r];
      sums[r][0] += from_a * left;
      sums[r][1] += from_a * right;
    }
  }
#pragma GCC unroll 14
  for (int64_t r = 0; r < kTileRows; ++r) {
    float* row = out + r * out_stride;
    if (adds) {
      sums[r][0] += load16(row);
      sums[r][1] += load16(row + kLanes);
    }
    std::memcpy(row, &sums[r][0], sizeof(Float16));
    std::memcpy(row + kLanes, &sums[r][1], sizeof(Float16));
  }
}

// At the right and lower edges of the result.
void multiply_part_tile(const float* a, const float* b, int64_t inner, float* out,
                        int64_t out_stride, bool adds, int64_t rows, int64_t columns) {
  alignas(64) float tile[kTileRows * kTileColumns];
  multiply_tile(a, b, inner, tile, kTileColumns, false);
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < columns; ++c) {
      const float before = adds ? out[r * out_stride + c] : 0.0f;
      out[r * out_stride + c] = before + tile[r * kTileColumns + c];
    }
  }
}

void multiply_blocks(const Packed& packed, float* out, int64_t out_stride, int64_t rows,
                     int64_t columns, int64_t inner, bool adds) {
  for (int64_t r = 0; r < rows; r += kTileRows) {
    for (int64_t c = 0; c < columns; c += kTileColumns) {
      const float* a = packed.a.get() + r * inner;
      const float* b = packed.b.get() + c * inner;
      float* tile = out + r * out_stride + c;
      const int64_t tile_rows = std::min(kTileRows, rows - r);
      const int64_t tile_columns = std::min(kTileColumns, columns - c);
      if (tile_rows == kTileRows && tile_columns == kTileColumns) {
        multiply_tile(a, b, inner, tile, out_stride, adds);
      } else {
        multiply_part_tile(a, b, inner, tile, out_stride, adds, tile_rows, tile_columns);
      }
    }
  }
}

// Blocks of about the same size, so that none is short.
int64_t block_inner(int64_t inner) {
  const int64_t num_blocks = (inner + kMaxBlockInner - 1) / kMaxBlockInner;
  return ((inner + num_blocks - 1) / num_blocks + 3) / 4 * 4;
}

}  // namespace

bool has_matrix_product() {
  return __builtin_cpu_is("amd") != 0 && __builtin_cpu_supports("avx512vl") != 0;
}

void matrix_product(const MatrixProduct& p) {
  static thread_local const Packed packed;
  const int64_t step = block_inner(p.inner);
  for (int64_t c = 0; c < p.columns; c += kBlockColumns) {
    const int64_t columns = std::min(kBlockColumns, p.columns - c);
    for (int64_t k = 0; k < p.inner; k += step) {
      const int64_t inner = std::min(step, p.inner - k);
      pack<kTileColumns>(p.b.data + k * p.b.row_stride + c * p.b.column_stride, p.b.column_stride,
                         p.b.row_stride, columns, inner, packed.b.get());
      for (int64_t r = 0; r < p.rows; r += kBlockRows) {
        const int64_t rows = std::min(kBlockRows, p.rows - r);
        pack<kTileRows>(p.a.data + r * p.a.row_stride + k * p.a.column_stride, p.a.row_stride,
                        p.a.column_stride, rows, inner, packed.a.get());
        multiply_blocks(packed, p.out + r * p.out_stride + c, p.out_stride, rows, columns, inner,
                        p.adds || k > 0);
      }
    }
  }
}

#else

bool has_matrix_product() {
  return false;
}

void matrix_product(const MatrixProduct&) {
  std::abort();  // nobody may call it
}

#endif

}  // namespace temper
