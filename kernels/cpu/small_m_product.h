// Products of small M (GEMV at M = 1) with a weight as it lies in memory. Decoding token by token
// is made of them.
#pragma once

#include <cstdint>

namespace temper {

// out [rows, columns] = scale x weight^T + bias + residual, of x [rows, inner] and weight
// [columns, inner], all contiguous. `bias` [columns] and `residual` (as out, or out itself) may be
// null.
struct SmallMProduct {
  const float* x = nullptr;
  const float* weight = nullptr;
  const float* bias = nullptr;
  const float* residual = nullptr;
  float* out = nullptr;
  int64_t rows = 0, inner = 0, columns = 0;
  float scale = 1.0f;
};

// Writes columns [begin, end) of out. An element's bits depend on its row of x and its row of the
// weight alone: not on the other rows, nor on how the columns are split.
void small_m_product(const SmallMProduct& product, int64_t begin, int64_t end);

}  // namespace temper
