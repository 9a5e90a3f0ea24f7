#include "data/row_mixture.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "common/error.h"

namespace temper {
namespace {

TEST(RowMixture, one_source_gives_every_row_once_an_epoch) {
  const RowMixture mixture({{101, 1.0}}, 7, true);
  ASSERT_EQ(mixture.rows_per_epoch(), 101);
  for (int64_t epoch = 0; epoch < 3; ++epoch) {
    std::set<int64_t> seen;
    for (int64_t i = 0; i < 101; ++i) seen.insert(mixture.at(epoch * 101 + i).row);
    EXPECT_EQ(seen.size(), 101u);
  }
}

TEST(RowMixture, weights_set_exact_shares_of_every_epoch) {
  const RowMixture mixture({{100, 1.0}, {400, 0.25}, {10, 3.0}}, 3, true);
  ASSERT_EQ(mixture.rows_per_epoch(), 230);
  std::map<int64_t, int64_t> counts;
  for (int64_t i = 230; i < 460; ++i) ++counts[mixture.at(i).source];
  EXPECT_EQ(counts[0], 100);
  EXPECT_EQ(counts[1], 100);
  EXPECT_EQ(counts[2], 30);
  EXPECT_DOUBLE_EQ(mixture.share(2), 30.0 / 230.0);
}

TEST(RowMixture, a_light_source_is_walked_through_over_several_epochs) {
  const RowMixture mixture({{100, 1.0}, {400, 0.25}}, 3, true);
  std::set<int64_t> rows;
  for (int64_t i = 0; i < 4 * mixture.rows_per_epoch(); ++i) {
    const RowMixture::Pick pick = mixture.at(i);
    if (pick.source == 1) {
      EXPECT_TRUE(rows.insert(pick.row).second) << "row repeated early";
    }
  }
  EXPECT_EQ(rows.size(), 400u);
}

TEST(RowMixture, a_source_without_a_row_in_an_epoch_is_refused) {
  EXPECT_THROW(RowMixture({{100, 1.0}, {10, 0.01}}, 1, true), UserError);
}

}  // namespace
}  // namespace temper
