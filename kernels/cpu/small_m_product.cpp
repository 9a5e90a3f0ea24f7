#include "kernels/cpu/small_m_product.h"

#include <cstring>

#include "kernels/cpu/float8.h"
#include "kernels/cpu/processor.h"

namespace temper {
namespace {

constexpr int64_t kTileRows = 4;
constexpr int64_t kLineFloats = 16;

// The sums of a row's columns from `column` on.
template <int64_t kColumns>
TEMPER_INLINE void write(const SmallMProduct& p, int64_t row, int64_t column, const float* sums) {
  const int64_t at = row * p.columns + column;
  float values[kColumns];
  for (int64_t c = 0; c < kColumns; ++c) values[c] = p.scale * sums[c];
  if (p.bias != nullptr) {
    for (int64_t c = 0; c < kColumns; ++c) values[c] += p.bias[column + c];
  }
  if (p.residual != nullptr) {
    for (int64_t c = 0; c < kColumns; ++c) values[c] += p.residual[at + c];
  }
  std::memcpy(p.out + at, values, sizeof(values));
}

// `ahead`: the weight that the next tile needs, to be fetched meanwhile; null: nothing.
template <int64_t kRows, int64_t kColumns>
TEMPER_INLINE void tile(const SmallMProduct& p, int64_t row, int64_t column, const float* ahead) {
  const int64_t n = p.inner;
  const float* x = p.x + row * n;
  const float* w = p.weight + column * n;
  constexpr int64_t kSums = kRows * kColumns, kPadded = (kSums + 3) / 4 * 4;
  Float8 sums[kPadded];
  for (int64_t i = 0; i < kPadded; ++i) sums[i] = broadcast8(0.0f);
  Float8 from_w[kColumns];
  int64_t i = 0;
  for (; i + 8 <= n; i += 8) {
    if (ahead != nullptr && i % kLineFloats == 0) {
      for (int64_t c = 0; c < kColumns; ++c) __builtin_prefetch(ahead + c * n + i);
    }
    for (int64_t c = 0; c < kColumns; ++c) from_w[c] = load8(w + c * n + i);
    for (int64_t r = 0; r < kRows; ++r) {
      const Float8 from_x = load8(x + r * n + i);
      for (int64_t c = 0; c < kColumns; ++c) sums[r * kColumns + c] += from_x * from_w[c];
    }
  }
  if (i < n) {
    for (int64_t c = 0; c < kColumns; ++c) from_w[c] = load_part8(w + c * n + i, n - i, 0.0f);
    for (int64_t r = 0; r < kRows; ++r) {
      const Float8 from_x = load_part8(x + r * n + i, n - i, 0.0f);
      for (int64_t c = 0; c < kColumns; ++c) sums[r * kColumns + c] += from_x * from_w[c];
    }
  }
  float totals[kPadded];
  for (int64_t k = 0; k < kPadded; k += 4) {
    store4(totals + k, sum_lanes_of(sums[k], sums[k + 1], sums[k + 2], sums[k + 3]));
  }
  for (int64_t r = 0; r < kRows; ++r) write<kColumns>(p, row + r, column, totals + r * kColumns);
}

template <int64_t kColumns>
TEMPER_INLINE void tile_column(const SmallMProduct& p, int64_t column, const float* ahead) {
  int64_t row = 0;
  for (; row + kTileRows <= p.rows; row += kTileRows) {
    tile<kTileRows, kColumns>(p, row, column, ahead);
    ahead = nullptr;
  }
  switch (p.rows - row) {
    case 3:
      return tile<3, kColumns>(p, row, column, ahead);
    case 2:
      return tile<2, kColumns>(p, row, column, ahead);
    case 1:
      return tile<1, kColumns>(p, row, column, ahead);
  }
}

template <int64_t kColumns>
TEMPER_INLINE void tiles(const SmallMProduct& p, int64_t begin, int64_t end) {
  int64_t column = begin;
  for (; column + kColumns <= end; column += kColumns) {
    const bool is_last = column + 2 * kColumns > end;
    tile_column<kColumns>(p, column, is_last ? nullptr : p.weight + (column + kColumns) * p.inner);
  }
  for (; column < end; ++column) tile_column<1>(p, column, nullptr);
}

// Twelve sums, three values of the weight and one of x are sixteen registers.
TEMPER_MULTIVERSION_FMA void product_in_16_registers(const SmallMProduct& p, int64_t begin,
                                                     int64_t end) {
  tiles<3>(p, begin, end);
}

// Between a sanitizer's checks the compiler fuses some multiply-adds and not others.
#if defined(TEMPER_TARGET_AVX512) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define TEMPER_WIDE_TILES
// Wider tiles read x less often, which past the first-level cache is the limit.
TEMPER_TARGET_AVX512 void product_in_32_registers(const SmallMProduct& p, int64_t begin,
                                                  int64_t end) {
  tiles<6>(p, begin, end);
}
#endif

}  // namespace

void small_m_product(const SmallMProduct& product, int64_t begin, int64_t end) {
#ifdef TEMPER_WIDE_TILES
  if (has_avx512()) return product_in_32_registers(product, begin, end);
#endif
  product_in_16_registers(product, begin, end);
}

}  // namespace temper
