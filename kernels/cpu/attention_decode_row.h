// Attention of one new token to a cache of keys and values, one head of it, on the CPU.
#pragma once

#include <cstdint>

namespace temper {

// out [dim] = softmax(scale q k^T) v over `num_keys` (at least one) rows of k and v, each `dim`
// floats and `stride` floats after the one before; `scores` is room for num_keys floats.
void attention_decode_row(const float* q, const float* k, const float* v, int64_t num_keys,
                          int64_t dim, int64_t stride, float scale, float* scores, float* out);

}  // namespace temper
