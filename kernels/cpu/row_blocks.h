// Grain sizes for at::parallel_for over rows or columns: about 16k elements a task. The results of
// our row loops do not depend on how the rows are split.
#pragma once

#include <algorithm>
#include <cstdint>

namespace temper {

inline int64_t row_grain(int64_t row_elements) {
  return std::max<int64_t>(1, 16384 / std::max<int64_t>(1, row_elements));
}

// Columns share cache lines: at least 64 a task.
inline int64_t column_grain(int64_t rows) {
  return std::max<int64_t>(64, 16384 / std::max<int64_t>(1, rows));
}

}  // namespace temper
