// The loop of rope on the CPU.
#pragma once

#include <cstdint>

namespace temper {

// Rotates x [tokens, heads, dim] in place: with (a, b) = (x[i], x[i + dim/2]) and the table's row
// of the token's position, a' = a cos - sign b sin and b' = b cos + sign a sin. cos, sin are
// [positions, dim/2].
void rope_rows(float* x, const int64_t* positions, const float* cos, const float* sin, float sign,
               int64_t tokens, int64_t heads, int64_t dim);

}  // namespace temper
