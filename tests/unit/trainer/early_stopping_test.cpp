#include "trainer/early_stopping.h"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

namespace temper {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

void update_all(EarlyStopping& stopping, const std::vector<double>& losses) {
  for (size_t i = 0; i < losses.size(); ++i) {
    stopping.update(static_cast<int64_t>(i + 1) * 10, losses[i]);
  }
}

TEST(EarlyStopping, stops_after_patience_evaluations_without_improvement) {
  EarlyStopping stopping(2);
  update_all(stopping, {3.0, 2.0, 2.5});
  EXPECT_FALSE(stopping.should_stop());
  stopping.update(40, 2.0);  // equal is no improvement
  EXPECT_TRUE(stopping.should_stop());
  EXPECT_EQ(stopping.best_loss(), 2.0);
  EXPECT_EQ(stopping.best_step(), 20);
}

TEST(EarlyStopping, an_improvement_starts_the_count_again) {
  EarlyStopping stopping(2);
  update_all(stopping, {3.0, 3.5, 2.9, 3.1});
  EXPECT_FALSE(stopping.should_stop());
}

TEST(EarlyStopping, nan_is_no_improvement_and_zero_patience_never_stops) {
  EarlyStopping stopping(1);
  update_all(stopping, {1.0, kNan});
  EXPECT_TRUE(stopping.should_stop());
  EarlyStopping off(0);
  for (int i = 0; i < 10; ++i) off.update(i, 1.0);
  EXPECT_FALSE(off.should_stop());
}

TEST(EarlyStopping, a_first_nan_is_not_the_best) {
  EarlyStopping stopping(2);
  EXPECT_EQ(stopping.best_step(), -1);
  update_all(stopping, {kNan, 3.0, 2.0});
  EXPECT_EQ(stopping.best_loss(), 2.0);
  EXPECT_EQ(stopping.best_step(), 30);
  EXPECT_FALSE(stopping.should_stop());
}

}  // namespace
}  // namespace temper
