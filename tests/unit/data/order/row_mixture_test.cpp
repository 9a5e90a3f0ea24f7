#include "data/order/row_mixture.h"

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

TEST(RowMixture, every_window_has_the_shares) {
  const std::vector<RowMixture::Source> sources = {
      {5000, 1.0}, {900, 1.0}, {40000, 0.02}, {37, 1.0}};
  const RowMixture mixture(sources, 11, true);
  constexpr int64_t kWindow = RowMixture::kWindowRows;
  for (int64_t begin = 0; begin + kWindow <= mixture.rows_per_epoch(); begin += kWindow) {
    std::vector<int64_t> counts(4, 0);
    for (int64_t i = begin; i < begin + kWindow; ++i) {
      ++counts[static_cast<size_t>(mixture.at(i).source)];
    }
    for (int64_t source = 0; source < 4; ++source) {
      EXPECT_NEAR(static_cast<double>(counts[static_cast<size_t>(source)]),
                  mixture.share(source) * kWindow, 2.0);
    }
  }
}

TEST(RowMixture, mixes_within_a_window_and_differs_between_epochs) {
  const RowMixture mixture({{512, 1.0}, {512, 1.0}}, 5, true);
  int64_t changes = 0, same = 0;
  for (int64_t i = 1; i < 1024; ++i) {
    changes += mixture.at(i).source != mixture.at(i - 1).source;
    same += mixture.at(i).row == mixture.at(i + 1024).row;
  }
  EXPECT_GT(changes, 400);  // about half; strictly alternating would be all
  EXPECT_LT(changes, 620);
  EXPECT_LT(same, 20);
}

TEST(RowMixture, counts_epochs_per_source) {
  const RowMixture mixture({{300, 1.0}, {1000, 0.7}, {7, 3.0}}, 5, true);
  std::vector<int64_t> counts(3, 0);
  const std::vector<double> num_rows = {300, 1000, 7};
  for (int64_t cursor = 0; cursor < 2500; ++cursor) {
    if (cursor % 97 == 0 || cursor % 1021 == 0) {
      for (size_t s = 0; s < 3; ++s) {
        ASSERT_DOUBLE_EQ(mixture.epochs_of(static_cast<int64_t>(s), cursor),
                         static_cast<double>(counts[s]) / num_rows[s])
            << s << " at " << cursor;
      }
    }
    ++counts[static_cast<size_t>(mixture.at(cursor).source)];
  }
}

TEST(RowMixture, a_source_without_a_row_in_an_epoch_is_refused) {
  EXPECT_THROW(RowMixture({{100, 1.0}, {10, 0.01}}, 1, true), UserError);
}

}  // namespace
}  // namespace temper
