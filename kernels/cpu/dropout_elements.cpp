#include "kernels/cpu/dropout_elements.h"

#include <algorithm>

#include "kernels/cpu/float8.h"

namespace temper {
namespace {

constexpr int kLanes = 8;
using Lanes = uint32_t[kLanes];

// One multiplication of a Philox round for every lane.
TEMPER_INLINE void multiply(const Lanes& x, uint32_t multiplier, Lanes& high, Lanes& low) {
  for (int l = 0; l < kLanes; ++l) {
    const uint64_t product = uint64_t{multiplier} * x[l];
    high[l] = static_cast<uint32_t>(product >> 32);
    low[l] = static_cast<uint32_t>(product);
  }
}

// Philox::block for blocks first, first + 1, ... (philox.cpp has it for one).
TEMPER_INLINE void philox_lanes(const std::array<uint32_t, 2>& key, uint64_t first,
                                uint64_t counter_high, Lanes (&c)[4]) {
  for (int l = 0; l < kLanes; ++l) {
    const uint64_t counter = first + static_cast<uint64_t>(l);
    c[0][l] = static_cast<uint32_t>(counter);
    c[1][l] = static_cast<uint32_t>(counter >> 32);
    c[2][l] = static_cast<uint32_t>(counter_high);
    c[3][l] = static_cast<uint32_t>(counter_high >> 32);
  }
  uint32_t k0 = key[0], k1 = key[1];
  for (int round = 0; round < 10; ++round) {
    Lanes high0, low0, high1, low1;
    multiply(c[0], 0xD2511F53, high0, low0);
    multiply(c[2], 0xCD9E8D57, high1, low1);
    for (int l = 0; l < kLanes; ++l) {
      c[0][l] = high1[l] ^ c[1][l] ^ k0;
      c[1][l] = low1[l];
      c[2][l] = high0[l] ^ c[3][l] ^ k1;
      c[3][l] = low0[l];
    }
    k0 += 0x9E3779B9;
    k1 += 0xBB67AE85;
  }
}

TEMPER_INLINE void drop_lanes(const Lanes& bits, uint32_t threshold, float scale, const float* in,
                              float* out) {
  for (int l = 0; l < kLanes; ++l) out[l] = bits[l] >= threshold ? in[l] * scale : 0.0f;
}

TEMPER_INLINE void drop_group(const Lanes (&words)[4], uint32_t threshold, float scale,
                              const float* in, float* out) {
  for (int w = 0; w < 4; ++w) {
    Lanes low, high;
    for (int l = 0; l < kLanes; ++l) {
      low[l] = words[w][l] & 0xFFFF;
      high[l] = words[w][l] >> 16;
    }
    drop_lanes(low, threshold, scale, in + 16 * w, out + 16 * w);
    drop_lanes(high, threshold, scale, in + 16 * w + 8, out + 16 * w + 8);
  }
}

}  // namespace

TEMPER_MULTIVERSION void dropout_elements(const std::array<uint32_t, 2>& key, uint64_t counter_high,
                                          uint32_t threshold, float scale, const float* in,
                                          float* out, int64_t begin, int64_t end) {
  Lanes words[4];
  int64_t i = begin;
  for (; i + kDropoutGroup <= end; i += kDropoutGroup) {
    philox_lanes(key, static_cast<uint64_t>(i / kLanes), counter_high, words);
    drop_group(words, threshold, scale, in + i, out + i);
  }
  if (i == end) return;
  float in_part[kDropoutGroup] = {}, out_part[kDropoutGroup];
  std::copy(in + i, in + end, in_part);
  philox_lanes(key, static_cast<uint64_t>(i / kLanes), counter_high, words);
  drop_group(words, threshold, scale, in_part, out_part);
  std::copy(out_part, out_part + (end - i), out + i);
}

}  // namespace temper
