#include "kernels/cpu/few_rows_product.h"

#include <cstring>

#include "kernels/cpu/float8.h"

namespace temper {
namespace {

constexpr int64_t kTileRows = 4;
constexpr int64_t kLineFloats = 16;

using Float4 = float __attribute__((vector_size(16)));

TEMPER_INLINE Float4 fold(Float8 v) {
  Float4 halves[2];
  std::memcpy(halves, &v, sizeof(v));
  return halves[0] + halves[1];
}

// The sums of four values' lanes, in the order of sum_lanes.
TEMPER_INLINE Float4 sum_lanes_of(const Float8& a, const Float8& b, const Float8& c,
                                  const Float8& d) {
  const Float4 a4 = fold(a), b4 = fold(b), c4 = fold(c), d4 = fold(d);
  const Float4 ab = Float4{a4[0], a4[1], b4[0], b4[1]} + Float4{a4[2], a4[3], b4[2], b4[3]};
  const Float4 cd = Float4{c4[0], c4[1], d4[0], d4[1]} + Float4{c4[2], c4[3], d4[2], d4[3]};
  return Float4{ab[0], ab[2], cd[0], cd[2]} + Float4{ab[1], ab[3], cd[1], cd[3]};
}

TEMPER_INLINE void write(const FewRowsProduct& p, int64_t row, int64_t column, float sum) {
  const int64_t at = row * p.columns + column;
  float value = p.scale * sum;
  if (p.bias != nullptr) value += p.bias[column];
  if (p.residual != nullptr) value += p.residual[at];
  p.out[at] = value;
}

// `ahead`: the weight that the next tile needs, to be fetched meanwhile; null: nothing.
template <int64_t kRows, int64_t kColumns>
TEMPER_INLINE void tile(const FewRowsProduct& p, int64_t row, int64_t column, const float* ahead) {
  const int64_t n = p.inner;
  const float* x = p.x + row * n;
  const float* w = p.weight + column * n;
  Float8 sums[kTileRows][kColumns] = {};
  Float8 from_w[kColumns];
  int64_t i = 0;
  for (; i + 8 <= n; i += 8) {
    if (ahead != nullptr && i % kLineFloats == 0) {
      for (int64_t c = 0; c < kColumns; ++c) __builtin_prefetch(ahead + c * n + i);
    }
    for (int64_t c = 0; c < kColumns; ++c) from_w[c] = load8(w + c * n + i);
    for (int64_t r = 0; r < kRows; ++r) {
      const Float8 from_x = load8(x + r * n + i);
      for (int64_t c = 0; c < kColumns; ++c) sums[r][c] += from_x * from_w[c];
    }
  }
  if (i < n) {
    for (int64_t c = 0; c < kColumns; ++c) from_w[c] = load_part8(w + c * n + i, n - i, 0.0f);
    for (int64_t r = 0; r < kRows; ++r) {
      const Float8 from_x = load_part8(x + r * n + i, n - i, 0.0f);
      for (int64_t c = 0; c < kColumns; ++c) sums[r][c] += from_x * from_w[c];
    }
  }
  for (int64_t c = 0; c < kColumns; ++c) {
    const Float4 four = sum_lanes_of(sums[0][c], sums[1][c], sums[2][c], sums[3][c]);
    for (int64_t r = 0; r < kRows; ++r) write(p, row + r, column + c, four[r]);
  }
}

template <int64_t kColumns>
TEMPER_INLINE void tile_column(const FewRowsProduct& p, int64_t column, const float* ahead) {
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
TEMPER_INLINE void tiles(const FewRowsProduct& p, int64_t begin, int64_t end) {
  int64_t column = begin;
  for (; column + kColumns <= end; column += kColumns) {
    const bool is_last = column + 2 * kColumns > end;
    tile_column<kColumns>(p, column, is_last ? nullptr : p.weight + (column + kColumns) * p.inner);
  }
  for (; column < end; ++column) tile_column<1>(p, column, nullptr);
}

// Twelve sums, three values of the weight and one of x are sixteen registers.
TEMPER_MULTIVERSION_FMA void product_in_16_registers(const FewRowsProduct& p, int64_t begin,
                                                     int64_t end) {
  tiles<3>(p, begin, end);
}

#ifdef TEMPER_TARGET_AVX512
// Wider tiles read x less often, which past the first-level cache is the limit.
TEMPER_TARGET_AVX512 void product_in_32_registers(const FewRowsProduct& p, int64_t begin,
                                                  int64_t end) {
  tiles<6>(p, begin, end);
}
#endif

}  // namespace

void few_rows_product(const FewRowsProduct& product, int64_t begin, int64_t end) {
#ifdef TEMPER_TARGET_AVX512
  if (__builtin_cpu_supports("avx512vl")) return product_in_32_registers(product, begin, end);
#endif
  product_in_16_registers(product, begin, end);
}

}  // namespace temper
