#include "common/philox.h"

#include <numbers>

namespace temper {
namespace {

constexpr uint32_t kMultiplier0 = 0xD2511F53, kMultiplier1 = 0xCD9E8D57;
constexpr uint32_t kWeyl0 = 0x9E3779B9, kWeyl1 = 0xBB67AE85;

// Spreads (seed, stream) over the 64-bit key (the finaliser of splitmix64).
uint64_t mix(uint64_t value) {
  value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9ULL;
  value = (value ^ (value >> 27)) * 0x94D049BB133111EBULL;
  return value ^ (value >> 31);
}

constexpr float kTwoToMinus24 = 1.0f / 16777216.0f;

}  // namespace

Philox::Philox(uint64_t seed, uint64_t stream) {
  const uint64_t key = mix(seed + 0x9E3779B97F4A7C15ULL * (mix(stream + 1) | 1));
  key_ = {static_cast<uint32_t>(key), static_cast<uint32_t>(key >> 32)};
}

std::array<uint32_t, 4> Philox::philox_4x32_10(std::array<uint32_t, 4> counter,
                                               std::array<uint32_t, 2> key) {
  std::array<uint32_t, 4>& c = counter;
  for (int round = 0; round < 10; ++round) {
    const uint64_t p0 = uint64_t{kMultiplier0} * c[0];
    const uint64_t p1 = uint64_t{kMultiplier1} * c[2];
    c = {static_cast<uint32_t>(p1 >> 32) ^ c[1] ^ key[0], static_cast<uint32_t>(p1),
         static_cast<uint32_t>(p0 >> 32) ^ c[3] ^ key[1], static_cast<uint32_t>(p0)};
    key[0] += kWeyl0;
    key[1] += kWeyl1;
  }
  return c;
}

std::array<uint32_t, 4> Philox::block(uint64_t counter_low, uint64_t counter_high) const {
  return philox_4x32_10(
      {static_cast<uint32_t>(counter_low), static_cast<uint32_t>(counter_low >> 32),
       static_cast<uint32_t>(counter_high), static_cast<uint32_t>(counter_high >> 32)},
      key_);
}

float Philox::uniform(uint64_t index) const {
  return static_cast<float>(block(index / 4)[index % 4] >> 8) * kTwoToMinus24;
}

float Philox::normal(uint64_t index) const {
  const auto b = block(index / 2, 1);
  const uint32_t x = b[2 * (index % 2)], y = b[2 * (index % 2) + 1];
  const double u = (static_cast<double>(x) + 1.0) / 4294967296.0;  // in (0, 1]
  const double v = static_cast<double>(y) / 4294967296.0;
  return static_cast<float>(std::sqrt(-2.0 * std::log(u)) * std::cos(2.0 * std::numbers::pi * v));
}

uint64_t Philox::below(uint64_t index, uint64_t bound) const {
  const auto b = block(index, 2);
  const uint64_t wide = uint64_t{b[0]} | (uint64_t{b[1]} << 32);
  return static_cast<uint64_t>((static_cast<unsigned __int128>(wide) * bound) >> 64);
}

}  // namespace temper
