// The arithmetic of ProcessGroup::reduce_scatter, the same in every backend.
#pragma once

#include <cstdint>
#include <vector>

namespace temper {

// accumulator[i] = (...((accumulator[i] + parts[0][i]) + parts[1][i]) + ...): one rounding per
// part, in the parts' order. Runs in parallel; the bits do not depend on the number of threads.
void add_in_order(float* accumulator, const std::vector<const float*>& parts, int64_t count);

}  // namespace temper
