#include "run/checkpoint/state_hash.h"

#include <algorithm>

#include "common/error.h"

namespace temper {

void StateHasher::add(std::string_view kind, std::string_view parameter, int64_t begin,
                      const float* values, int64_t count) {
  TEMPER_CHECK(begin % kChunkElements == 0, "begin {}", begin);
  // Every chunk is hashed with its name and place and the hashes are added, so that neither the
  // order of chunks nor the ranks that hold them matter. Shards begin at multiples of 256 elements
  // of a parameter (arch/layout/bucket_layout.h): no chunk lies on two ranks.
  const Hash128 name_hash = hash_text(parameter, hash_text(kind).low);
  for (int64_t done = 0; done < count; done += kChunkElements) {
    const int64_t chunk = std::min(kChunkElements, count - done);
    const Hash128 bytes = hash_bytes(values + done, static_cast<size_t>(chunk) * sizeof(float));
    const uint64_t tagged[5] = {name_hash.high, name_hash.low, bytes.high, bytes.low,
                                static_cast<uint64_t>(begin + done)};
    sum_ += hash_bytes(tagged, sizeof(tagged));
  }
}

std::array<int64_t, 4> StateHasher::limbs() const {
  constexpr uint64_t kLow = 0xffffffffULL;
  return {static_cast<int64_t>(sum_.low & kLow), static_cast<int64_t>(sum_.low >> 32),
          static_cast<int64_t>(sum_.high & kLow), static_cast<int64_t>(sum_.high >> 32)};
}

StateHasher StateHasher::from_limbs(const std::array<int64_t, 4>& limbs) {
  StateHasher hasher;
  for (int i = 3; i >= 0; --i) {
    // Each limb is a sum over ranks and may exceed 32 bits: shift the total, then add.
    const Hash128 total = hasher.sum_;
    hasher.sum_ = {(total.high << 32) | (total.low >> 32), total.low << 32};
    hasher.sum_ += Hash128{0, static_cast<uint64_t>(limbs[static_cast<size_t>(i)])};
  }
  return hasher;
}

Hash128 StateHasher::finish(int64_t step, int64_t rows_consumed) const {
  const uint64_t all[4] = {sum_.high, sum_.low, static_cast<uint64_t>(step),
                           static_cast<uint64_t>(rows_consumed)};
  return hash_bytes(all, sizeof(all));
}

}  // namespace temper
