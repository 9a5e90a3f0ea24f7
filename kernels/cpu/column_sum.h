#pragma once

#include <cstdint>

namespace temper {

// out[c] = sum over r, in order, of x[r][c], for columns [begin, end) of x [rows, n].
void column_sums(const float* x, int64_t rows, int64_t n, int64_t begin, int64_t end, float* out);

}  // namespace temper
