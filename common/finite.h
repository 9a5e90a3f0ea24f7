// Whether numbers are finite, fast enough to look at every weight.
#pragma once

#include <cstdint>
#include <cstring>

namespace temper {

// The loop has no early end, so that the compiler makes vector code of it.
inline bool all_finite(const float* values, int64_t count) {
  constexpr uint32_t kExponent = 0x7f80'0000;  // all its bits are set in infinities and NaN alone
  uint32_t found = 0;
  for (int64_t i = 0; i < count; ++i) {
    uint32_t bits = 0;
    std::memcpy(&bits, values + i, sizeof(bits));
    found |= static_cast<uint32_t>((bits & kExponent) == kExponent);
  }
  return found == 0;
}

}  // namespace temper
