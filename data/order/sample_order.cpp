#include "data/order/sample_order.h"

#include "common/error.h"
#include "common/philox.h"

namespace temper {
namespace {

// Four rounds already make a strong permutation of a large domain; small domains want more.
constexpr uint32_t kNumRounds = 8;

int half_bits_for(int64_t num_rows) {
  int half_bits = 0;
  while ((int64_t{1} << (2 * half_bits)) < num_rows) ++half_bits;
  return half_bits;
}

// A permutation of [0, 4^half_bits), keyed by the generator.
uint64_t permute(const Philox& random, int half_bits, uint64_t value) {
  const uint64_t mask = (uint64_t{1} << half_bits) - 1;
  uint64_t left = value >> half_bits, right = value & mask;
  for (uint32_t round = 0; round < kNumRounds; ++round) {
    const uint64_t mixed = left ^ (random.block(right, round)[0] & mask);
    left = right;
    right = mixed;
  }
  return (left << half_bits) | right;
}

}  // namespace

SampleOrder::SampleOrder(int64_t num_rows, uint64_t seed, bool shuffle)
    : num_rows_(num_rows), seed_(seed), shuffle_(shuffle), half_bits_(half_bits_for(num_rows)) {
  TEMPER_CHECK(num_rows > 0 && num_rows <= (int64_t{1} << 62), "{} rows", num_rows);
}

int64_t SampleOrder::row_at(int64_t cursor) const {
  TEMPER_CHECK(cursor >= 0, "cursor {}", cursor);
  const int64_t epoch = cursor / num_rows_;
  uint64_t row = static_cast<uint64_t>(cursor % num_rows_);
  if (!shuffle_) return static_cast<int64_t>(row);
  const Philox random(seed_, static_cast<uint64_t>(epoch));
  // Cycle walking: a value outside is permuted on until it falls inside, fewer than four times on
  // average because the domain is less than four times num_rows.
  do {
    row = permute(random, half_bits_, row);
  } while (row >= static_cast<uint64_t>(num_rows_));
  return static_cast<int64_t>(row);
}

}  // namespace temper
