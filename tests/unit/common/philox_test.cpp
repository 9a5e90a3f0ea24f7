#include "common/philox.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <vector>

namespace temper {
namespace {

using Counter = std::array<uint32_t, 4>;
using Key = std::array<uint32_t, 2>;

// Known answers of the Random123 distribution (kat_vectors, philox4x32 10).
TEST(PhiloxTest, gives_the_published_answers) {
  struct KnownAnswer {
    Counter counter;
    Key key;
    Counter expected;
  };
  const KnownAnswer answers[] = {
      {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
      {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
       {0xffffffff, 0xffffffff},
       {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
      {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
       {0xa4093822, 0x299f31d0},
       {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
  };
  for (const KnownAnswer& answer : answers) {
    EXPECT_EQ(Philox::philox_4x32_10(answer.counter, answer.key), answer.expected);
  }
}

TEST(PhiloxTest, is_a_function_of_key_and_counter) {
  const Philox a(7, 1), same(7, 1), other_seed(8, 1), other_stream(7, 2);
  EXPECT_EQ(a.block(5), same.block(5));
  EXPECT_NE(a.block(5), a.block(6));
  EXPECT_NE(a.block(5), a.block(5, 1));
  EXPECT_NE(a.block(5), other_seed.block(5));
  EXPECT_NE(a.block(5), other_stream.block(5));
  // Swapping seed and stream must not give the same numbers.
  EXPECT_NE(Philox(1, 2).block(0), Philox(2, 1).block(0));
}

TEST(PhiloxTest, uniform_covers_its_range_evenly) {
  const Philox random(1, 0);
  constexpr int kCount = 100000, kBins = 10;
  std::array<int, kBins> counts{};
  for (uint64_t i = 0; i < kCount; ++i) {
    const float value = random.uniform(i);
    ASSERT_GE(value, 0.0f);
    ASSERT_LT(value, 1.0f);
    ++counts[static_cast<size_t>(value * kBins)];
  }
  for (const int count : counts) EXPECT_NEAR(count, double{kCount} / kBins, 500);  // 5 sigma
}

TEST(PhiloxTest, normal_has_mean_zero_and_variance_one) {
  const Philox random(2, 0);
  constexpr int kCount = 200000;
  double sum = 0.0, squares = 0.0, fourth = 0.0;
  for (uint64_t i = 0; i < kCount; ++i) {
    const double value = random.normal(i);
    ASSERT_TRUE(std::isfinite(value));
    sum += value;
    squares += value * value;
    fourth += value * value * value * value;
  }
  EXPECT_NEAR(sum / kCount, 0.0, 0.012);
  EXPECT_NEAR(squares / kCount, 1.0, 0.016);
  EXPECT_NEAR(fourth / kCount, 3.0, 0.12);
}

TEST(PhiloxTest, neighbouring_normals_are_not_correlated) {
  const Philox random(3, 0);
  constexpr int kCount = 100000;
  double product = 0.0;
  for (uint64_t i = 0; i < kCount; ++i) product += random.normal(i) * random.normal(i + 1);
  EXPECT_NEAR(product / kCount, 0.0, 0.016);
}

TEST(PhiloxTest, below_reaches_every_value_and_no_other) {
  const Philox random(4, 0);
  std::array<int, 7> counts{};
  for (uint64_t i = 0; i < 70000; ++i) {
    const uint64_t value = random.below(i, 7);
    ASSERT_LT(value, 7u);
    ++counts[value];
  }
  for (const int count : counts) EXPECT_NEAR(count, 10000, 500);
  for (uint64_t i = 0; i < 100; ++i) EXPECT_EQ(random.below(i, 1), 0u);
  const uint64_t large = uint64_t{1} << 63;
  uint64_t highest = 0;
  for (uint64_t i = 0; i < 100; ++i) highest = std::max(highest, random.below(i, large));
  EXPECT_LT(highest, large);
  EXPECT_GT(highest, large / 2);
}

}  // namespace
}  // namespace temper
