// Sums of squares behind the gradient norm.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>

namespace temper {

inline constexpr int64_t kSquaresChunk = 256;

// values [n] contiguous fp32, n a multiple of kSquaresChunk -> [n / kSquaresChunk] fp64 on the
// host: the sum of squares of each chunk, in fp64 and in a fixed order; NaN or infinite where a
// value is.
at::Tensor square_sums(const at::Tensor& values);

}  // namespace temper
