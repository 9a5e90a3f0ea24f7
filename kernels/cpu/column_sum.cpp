#include "kernels/cpu/column_sum.h"

#include <algorithm>

#include "kernels/cpu/float8.h"

namespace temper {

TEMPER_MULTIVERSION void column_sums(const float* x, int64_t rows, int64_t n, int64_t begin,
                                     int64_t end, float* out) {
  std::fill(out + begin, out + end, 0.0f);
  for (int64_t r = 0; r < rows; ++r) {
    const float* row = x + r * n;
    for (int64_t c = begin; c < end; ++c) out[c] += row[c];
  }
}

}  // namespace temper
