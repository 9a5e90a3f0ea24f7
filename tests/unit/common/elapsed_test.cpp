#include "common/elapsed.h"

#include <gtest/gtest.h>

namespace temper {
namespace {

TEST(FormatDuration, reads_like_a_clock) {
  EXPECT_EQ(format_duration(12.4), "12s");
  EXPECT_EQ(format_duration(200), "3m20s");
  EXPECT_EQ(format_duration(3725), "1h02m");
  EXPECT_EQ(format_duration(-1), "0s");
}

}  // namespace
}  // namespace temper
