#include "data/order/sample_order.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace temper {
namespace {

std::vector<int64_t> epoch_of(const SampleOrder& order, int64_t epoch) {
  std::vector<int64_t> rows;
  for (int64_t i = 0; i < order.num_rows(); ++i) {
    rows.push_back(order.row_at(epoch * order.num_rows() + i));
  }
  return rows;
}

class SampleOrderSizes : public testing::TestWithParam<int64_t> {};

TEST_P(SampleOrderSizes, every_epoch_is_a_permutation) {
  const SampleOrder order(GetParam(), 7);
  for (const int64_t epoch : {0, 1, 5}) {
    std::vector<int> seen(static_cast<size_t>(GetParam()), 0);
    for (const int64_t row : epoch_of(order, epoch)) {
      ASSERT_GE(row, 0);
      ASSERT_LT(row, GetParam());
      ++seen[static_cast<size_t>(row)];
    }
    for (size_t i = 0; i < seen.size(); ++i) ASSERT_EQ(seen[i], 1) << "row " << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Sizes, SampleOrderSizes,
                         testing::Values(1, 2, 3, 4, 5, 15, 16, 17, 63, 64, 65, 1000, 4096, 15486,
                                         65537, 1000003));

TEST(SampleOrder, epochs_and_seeds_differ) {
  const SampleOrder order(1000, 1), other(1000, 2);
  EXPECT_NE(epoch_of(order, 0), epoch_of(order, 1));
  EXPECT_NE(epoch_of(order, 0), epoch_of(other, 0));
  EXPECT_EQ(epoch_of(order, 3), epoch_of(SampleOrder(1000, 1), 3));
}

TEST(SampleOrder, without_shuffle_is_the_identity) {
  const SampleOrder order(5, 1, false);
  EXPECT_EQ(epoch_of(order, 2), (std::vector<int64_t>{0, 1, 2, 3, 4}));
}

// Over many seeds each row comes first about equally often (chi-squared, 9 degrees of freedom;
// above 27.9 once in a thousand).
TEST(SampleOrder, places_are_uniform) {
  constexpr int kRows = 10, kSeeds = 20000;
  for (const int64_t place : {0, 4, 9}) {
    std::vector<int> count(kRows, 0);
    for (uint64_t seed = 0; seed < kSeeds; ++seed) {
      ++count[static_cast<size_t>(SampleOrder(kRows, seed).row_at(place))];
    }
    double chi_squared = 0;
    for (const int c : count) chi_squared += std::pow(c - kSeeds / kRows, 2) / (kSeeds / kRows);
    EXPECT_LT(chi_squared, 27.9) << "place " << place;
  }
}

TEST(SampleOrder, far_positions_cost_no_more) {
  const SampleOrder order(1000003, 9);
  const int64_t row = order.row_at(1000003LL * 1000000 + 17);
  EXPECT_GE(row, 0);
  EXPECT_LT(row, 1000003);
}

}  // namespace
}  // namespace temper
