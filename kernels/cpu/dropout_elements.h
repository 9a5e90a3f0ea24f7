// The loop of dropout on the CPU.
#pragma once

#include <array>
#include <cstdint>

namespace temper {

// Elements in a group: eight Philox blocks of eight 16-bit numbers. Number j of a group is 16 bits
// of block (8 group + j % 8): its (j / 8)-th, low half of the first word first.
inline constexpr int64_t kDropoutGroup = 64;

// out[i] = in[i] x scale where the element's number reaches the threshold, else 0, for elements
// [begin, end); begin is a multiple of kDropoutGroup. `key` and `counter_high` are Philox's.
void dropout_elements(const std::array<uint32_t, 2>& key, uint64_t counter_high, uint32_t threshold,
                      float scale, const float* in, float* out, int64_t begin, int64_t end);

}  // namespace temper
