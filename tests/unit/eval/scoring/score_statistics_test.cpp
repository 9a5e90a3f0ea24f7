#include "eval/scoring/score_statistics.h"

#include <gtest/gtest.h>

#include <vector>

namespace temper {
namespace {

TEST(WilsonInterval, agrees_with_published_values) {
  // Newcombe 1998, table I: 81 of 263 and 15 of 148.
  EXPECT_NEAR(wilson_interval(81, 263).low, 0.2553, 5e-5);
  EXPECT_NEAR(wilson_interval(81, 263).high, 0.3662, 5e-5);
  EXPECT_NEAR(wilson_interval(15, 148).low, 0.0624, 5e-5);
  EXPECT_NEAR(wilson_interval(15, 148).high, 0.1605, 5e-5);
  EXPECT_EQ(wilson_interval(0, 20).low, 0.0);
  EXPECT_NEAR(wilson_interval(20, 20).high, 1.0, 1e-12);
  EXPECT_EQ(wilson_interval(0, 0).high, 1.0);
}

TEST(BootstrapInterval, is_near_the_normal_one) {
  std::vector<double> values;
  for (int i = 0; i < 400; ++i) values.push_back(i % 2 == 0 ? 0.0 : 1.0);
  const Interval interval = bootstrap_interval(values);
  EXPECT_NEAR(interval.low, 0.5 - 1.96 * 0.025, 0.006);
  EXPECT_NEAR(interval.high, 0.5 + 1.96 * 0.025, 0.006);
}

TEST(PairedBootstrap, sees_a_small_difference_that_is_everywhere) {
  std::vector<double> a, b, noise;
  for (int i = 0; i < 100; ++i) {
    a.push_back(0.01 * i + 0.02);
    b.push_back(0.01 * i);
    noise.push_back(i % 2 == 0 ? 0.01 * i + 0.5 : 0.01 * i - 0.5);
  }
  const PairedComparison better = paired_bootstrap(a, b);
  EXPECT_NEAR(better.difference, 0.02, 1e-12);
  EXPECT_GT(better.interval.low, 0.0);
  EXPECT_EQ(better.p_not_better, 0.0);
  const PairedComparison open = paired_bootstrap(noise, b);
  EXPECT_LT(open.interval.low, 0.0);
  EXPECT_GT(open.interval.high, 0.0);
  EXPECT_GT(open.p_not_better, 0.1);
}

}  // namespace
}  // namespace temper
