#include "run/checkpoint/state_hash.h"

#include <gtest/gtest.h>

#include <numeric>
#include <vector>

namespace temper {
namespace {

std::vector<float> ramp(int64_t count) {
  std::vector<float> values(static_cast<size_t>(count));
  std::iota(values.begin(), values.end(), 0.5f);
  return values;
}

TEST(StateHash, does_not_depend_on_how_the_parameter_is_cut) {
  const std::vector<float> values = ramp(1000);
  StateHasher whole, first, second;
  whole.add("weight", "a", 0, values.data(), 1000);
  second.add("weight", "a", 512, values.data() + 512, 488);
  first.add("weight", "a", 0, values.data(), 512);
  // What an all-reduce over two ranks computes.
  std::array<int64_t, 4> limbs = first.limbs();
  for (size_t i = 0; i < limbs.size(); ++i) limbs[i] += second.limbs()[i];
  EXPECT_EQ(StateHasher::from_limbs(limbs).finish(3, 4), whole.finish(3, 4));
}

TEST(StateHash, limbs_of_many_ranks_carry) {
  const std::vector<float> values = ramp(256 * 64);
  StateHasher whole;
  whole.add("weight", "a", 0, values.data(), 256 * 64);
  std::array<int64_t, 4> sum{};
  for (int64_t rank = 0; rank < 64; ++rank) {
    StateHasher part;
    part.add("weight", "a", rank * 256, values.data() + rank * 256, 256);
    for (size_t i = 0; i < sum.size(); ++i) sum[i] += part.limbs()[i];
  }
  EXPECT_EQ(StateHasher::from_limbs(sum).finish(0, 0), whole.finish(0, 0));
}

TEST(StateHash, sees_every_bit_name_kind_place_step_and_cursor) {
  std::vector<float> values = ramp(512);
  const auto hash = [&](const char* kind, const char* name, int64_t begin, int64_t step,
                        int64_t cursor) {
    StateHasher hasher;
    hasher.add(kind, name, begin, values.data(), 512);
    return hasher.finish(step, cursor);
  };
  const Hash128 reference = hash("weight", "a", 0, 1, 2);
  EXPECT_NE(hash("adam_m", "a", 0, 1, 2), reference);
  EXPECT_NE(hash("weight", "b", 0, 1, 2), reference);
  EXPECT_NE(hash("weight", "a", 256, 1, 2), reference);
  EXPECT_NE(hash("weight", "a", 0, 2, 2), reference);
  EXPECT_NE(hash("weight", "a", 0, 1, 3), reference);
  values[511] = -values[511];
  EXPECT_NE(hash("weight", "a", 0, 1, 2), reference);
}

}  // namespace
}  // namespace temper
