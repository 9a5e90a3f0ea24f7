#include "trainer/checkpointer.h"

#include <gtest/gtest.h>

namespace temper {
namespace {

TEST(Checkpointer, saves_by_time_at_the_nearest_boundary) {
  EXPECT_FALSE(is_save_due(0.0, 1e6, 1.0, true));
  EXPECT_FALSE(is_save_due(15.0, 899.0, 1.0, false));
  EXPECT_TRUE(is_save_due(15.0, 899.5, 1.0, false));
  // Waiting for the next would lose more than 15 minutes by more.
  EXPECT_TRUE(is_save_due(15.0, 700.0, 400.0, false));
  EXPECT_FALSE(is_save_due(15.0, 600.0, 400.0, false));
}

TEST(Checkpointer, saves_what_was_measured_from_half_the_time_on) {
  EXPECT_TRUE(is_save_due(15.0, 450.0, 1.0, true));
  EXPECT_FALSE(is_save_due(15.0, 449.0, 1.0, true));
  EXPECT_FALSE(is_save_due(15.0, 450.0, 1.0, false));
}

}  // namespace
}  // namespace temper
