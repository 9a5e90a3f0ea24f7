// The innermost loop of our matrix products for processors with 512-bit registers: a tile of the
// result stays in registers while its rows of a meet its columns of b. Inside kernels/cpu
// only, in files that are compiled with -ffp-contract=fast: the linker keeps one copy of a tile.
#pragma once

#include <array>
#include <cstdint>
#include <utility>

#include "kernels/cpu/float16.h"

#ifdef TEMPER_TARGET_AVX512

namespace temper {

constexpr int64_t kLanes = 16;
// 28 sums, two values of b and one of a are 31 of 32 registers.
constexpr int64_t kTileRows = 14;
constexpr int64_t kTileVectors = 2;
constexpr int64_t kTileColumns = kTileVectors * kLanes;

// How the rows of a lie: next to one another, the next element of `inner` a stride further (packed
// strips, and transposed matrices); or each row contiguous, the next row a stride further.
enum class Left { kAcross, kByRows };

// out [kRows, 16 x kVectors] = a b, or += with `adds`. Row k of b lies at b + k x b_stride. An
// element is the sum over k = 0 ... inner - 1 in this order, then added to what `out` held.
template <int64_t kRows, int64_t kVectors, Left kLeft>
TEMPER_TARGET_AVX512 void multiply_tile(const float* a, int64_t a_stride, const float* b,
                                        int64_t b_stride, int64_t inner, float* out,
                                        int64_t out_stride, bool adds) {
  Float16 sums[kRows][kVectors] = {};
#pragma GCC unroll 16
  for (int64_t r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (int64_t v = 0; v < kVectors; ++v) {
      __builtin_prefetch(out + r * out_stride + v * kLanes, 1);
    }
  }
  // Three rows share a pointer, for want of registers.
  const float* rows[(kRows + 2) / 3];
#pragma GCC unroll 8
  for (int64_t i = 0; i < (kRows + 2) / 3; ++i) rows[i] = a + 3 * i * a_stride;
  for (int64_t k = 0; k < inner; ++k) {
    Float16 from_b[kVectors];
#pragma GCC unroll 4
    for (int64_t v = 0; v < kVectors; ++v) from_b[v] = load16(b + k * b_stride + v * kLanes);
#pragma GCC unroll 16
    for (int64_t r = 0; r < kRows; ++r) {
      const float from_a =
          kLeft == Left::kAcross ? a[k * a_stride + r] : rows[r / 3][r % 3 * a_stride + k];
#pragma GCC unroll 4
      for (int64_t v = 0; v < kVectors; ++v) sums[r][v] += from_a * from_b[v];
    }
  }
#pragma GCC unroll 16
  for (int64_t r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (int64_t v = 0; v < kVectors; ++v) {
      float* to = out + r * out_stride + v * kLanes;
      store16(to, adds ? load16(to) + sums[r][v] : sums[r][v]);
    }
  }
}

using TileFunction = void (*)(const float* a, int64_t a_stride, const float* b, int64_t b_stride,
                              int64_t inner, float* out, int64_t out_stride, bool adds);

// One column of values leaves registers for a few more rows.
template <int64_t kVectors>
inline constexpr int64_t kMaxTileRows = kVectors == 1 ? 16 : kTileRows;

// multiply_tile for 1 ... kMaxTileRows rows, at [rows - 1].
template <int64_t kVectors, Left kLeft>
inline constexpr auto kTileFunctions = []<size_t... kIndex>(std::index_sequence<kIndex...>) {
  return std::array<TileFunction, sizeof...(kIndex)>{multiply_tile<kIndex + 1, kVectors, kLeft>...};
}
(std::make_index_sequence<kMaxTileRows<kVectors>>());

// multiply_tile of at most kMaxTileRows `rows` and 16 x kVectors `columns`, for the edges of a
// result. It reads all 16 x kVectors columns of b.
template <int64_t kVectors, Left kLeft>
void multiply_part_tile(const float* a, int64_t a_stride, const float* b, int64_t b_stride,
                        int64_t inner, float* out, int64_t out_stride, bool adds, int64_t rows,
                        int64_t columns) {
  constexpr int64_t kWidth = kVectors * kLanes;
  const TileFunction multiply = kTileFunctions<kVectors, kLeft>[rows - 1];
  if (columns == kWidth) {
    return multiply(a, a_stride, b, b_stride, inner, out, out_stride, adds);
  }
  alignas(64) float tile[kMaxTileRows<kVectors> * kWidth];
  multiply(a, a_stride, b, b_stride, inner, tile, kWidth, false);
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < columns; ++c) {
      const float before = adds ? out[r * out_stride + c] : 0.0f;
      out[r * out_stride + c] = before + tile[r * kWidth + c];
    }
  }
}

// Multiplies at most kTileColumns columns; it reads those of b up to a multiple of 16.
template <Left kLeft>
void multiply_columns(const float* a, int64_t a_stride, const float* b, int64_t b_stride,
                      int64_t inner, float* out, int64_t out_stride, bool adds, int64_t rows,
                      int64_t columns) {
  const auto multiply =
      columns > kLanes ? multiply_part_tile<kTileVectors, kLeft> : multiply_part_tile<1, kLeft>;
  multiply(a, a_stride, b, b_stride, inner, out, out_stride, adds, rows, columns);
}

}  // namespace temper

#endif
