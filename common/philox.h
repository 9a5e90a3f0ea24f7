// Counter-based random numbers (Philox4x32-10; Salmon et al., "Parallel random numbers: as easy as
// 1, 2, 3", SC 2011). A number is a pure function of (key, counter), so that dropout masks, initial
// weights and permutations do not depend on who computes them, or in which order.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>

namespace temper {

class Philox {
 public:
  // The bare generator: ten rounds of Philox4x32 on `counter` under `key`.
  static std::array<uint32_t, 4> philox_4x32_10(std::array<uint32_t, 4> counter,
                                                std::array<uint32_t, 2> key);

  // `seed` and `stream` together are the key: different streams are independent.
  Philox(uint64_t seed, uint64_t stream);

  std::array<uint32_t, 4> block(uint64_t counter_low, uint64_t counter_high = 0) const;
  // The key, for loops that compute many blocks at once.
  const std::array<uint32_t, 2>& key() const { return key_; }

  // Uniform in [0, 1), 24 bits; number `index` of the sequence.
  float uniform(uint64_t index) const;
  // Standard normal (Box-Muller); number `index` of the sequence.
  float normal(uint64_t index) const;
  // Uniform in [0, bound), unbiased to 2^-64.
  uint64_t below(uint64_t index, uint64_t bound) const;

 private:
  std::array<uint32_t, 2> key_;
};

}  // namespace temper
