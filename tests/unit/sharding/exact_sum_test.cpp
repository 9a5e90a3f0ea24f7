#include "sharding/exact_sum.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

namespace temper {
namespace {

double sum_of(const std::vector<double>& terms) {
  ExactSum sum;
  for (const double term : terms) sum.add(term);
  return sum.value();
}

// Doubles of every exponent in [-max_exponent, max_exponent], both signs.
std::vector<double> random_doubles(size_t count, int max_exponent, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::uniform_int_distribution<int> exponent(-max_exponent, max_exponent);
  std::uniform_real_distribution<double> fraction(-1.0, 1.0);
  std::vector<double> terms(count);
  for (double& term : terms) term = std::ldexp(fraction(random), exponent(random));
  return terms;
}

TEST(ExactSumTest, nothing_is_zero) {
  EXPECT_EQ(ExactSum().value(), 0.0);
}

TEST(ExactSumTest, one_term_comes_back) {
  for (const double term :
       {1.0, -1.0, 0.1, -0.1, 3.5e300, -3.5e300, std::numeric_limits<double>::max(),
        std::numeric_limits<double>::lowest(), std::numeric_limits<double>::min(),
        std::numeric_limits<double>::denorm_min(), -std::numeric_limits<double>::denorm_min(),
        4097 * std::numeric_limits<double>::denorm_min()}) {
    EXPECT_EQ(sum_of({term}), term);
  }
  for (const double term : random_doubles(2000, 1020, 1)) EXPECT_EQ(sum_of({term}), term);
}

TEST(ExactSumTest, small_terms_survive_large_ones) {
  EXPECT_EQ(sum_of({1e300, 1.0, -1e300}), 1.0);
  EXPECT_EQ(sum_of({1e-300, 1e300, -1e300}), 1e-300);
  EXPECT_EQ(sum_of({-1e300, -1e-300, 1e300}), -1e-300);
}

TEST(ExactSumTest, rounds_once_to_nearest_even) {
  const double half_ulp = std::ldexp(1.0, -53), far_below = std::ldexp(1.0, -400);
  EXPECT_EQ(sum_of({1.0, half_ulp}), 1.0);
  EXPECT_EQ(sum_of({1.0, half_ulp, far_below}), 1.0 + 2 * half_ulp);
  EXPECT_EQ(sum_of({1.0, half_ulp, -far_below}), 1.0);
  EXPECT_EQ(sum_of({1.0 + 2 * half_ulp, half_ulp}), 1.0 + 4 * half_ulp);
  EXPECT_EQ(sum_of({-1.0, -half_ulp, -far_below}), -1.0 - 2 * half_ulp);
  EXPECT_EQ(sum_of({-1.0, -half_ulp}), -1.0);
}

TEST(ExactSumTest, cancellation_is_exact) {
  std::vector<double> terms = random_doubles(5000, 1000, 2);
  const size_t count = terms.size();
  for (size_t i = 0; i < count; ++i) terms.push_back(-terms[i]);
  std::shuffle(terms.begin(), terms.end(), std::mt19937_64(3));
  EXPECT_EQ(sum_of(terms), 0.0);
  terms.push_back(-0.1);
  EXPECT_EQ(sum_of(terms), -0.1);
}

TEST(ExactSumTest, order_does_not_matter) {
  std::vector<double> terms = random_doubles(20000, 500, 4);
  const double expected = sum_of(terms);
  std::mt19937_64 random(5);
  for (int repeat = 0; repeat < 5; ++repeat) {
    std::shuffle(terms.begin(), terms.end(), random);
    EXPECT_EQ(sum_of(terms), expected);
  }
}

// Multiples of 2^-40 below 2^20: a long double adds 20,000 of them exactly.
TEST(ExactSumTest, equals_a_wider_sum_that_is_exact) {
  for (const uint64_t seed : {6, 7, 8}) {
    std::mt19937_64 random(seed);
    std::uniform_int_distribution<int64_t> grid(-(int64_t{1} << 48), int64_t{1} << 48);
    long double expected = 0.0L;
    ExactSum sum;
    for (int i = 0; i < 20000; ++i) {
      const double term = std::ldexp(static_cast<double>(grid(random)), -40);
      expected += term;
      sum.add(term);
    }
    EXPECT_EQ(sum.value(), static_cast<double>(expected));
  }
}

TEST(ExactSumTest, partial_sums_of_ranks_add_up) {
  const std::vector<double> terms = random_doubles(9000, 900, 9);
  for (const size_t num_ranks : {1, 2, 3, 7}) {
    std::vector<ExactSum> partial(num_ranks);
    for (size_t i = 0; i < terms.size(); ++i) partial[i % num_ranks].add(terms[i]);
    std::array<int64_t, ExactSum::kNumDigits + 1> total{};
    for (const ExactSum& sum : partial) {
      const auto digits = sum.digits();
      for (size_t i = 0; i < digits.size(); ++i) total[i] += digits[i];
    }
    EXPECT_EQ(ExactSum::from_digits(total).value(), sum_of(terms)) << num_ranks << " ranks";
  }
}

TEST(ExactSumTest, non_finite_terms_make_nan) {
  for (const double bad :
       {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(),
        -std::numeric_limits<double>::infinity()}) {
    ExactSum sum;
    sum.add(1.0);
    EXPECT_TRUE(sum.finite());
    sum.add(bad);
    EXPECT_FALSE(sum.finite());
    EXPECT_TRUE(std::isnan(sum.value()));
    EXPECT_FALSE(ExactSum::from_digits(sum.digits()).finite());
  }
}

TEST(ExactSumTest, sum_beyond_the_range_is_infinite) {
  const double largest = std::numeric_limits<double>::max();
  EXPECT_EQ(sum_of({largest, largest}), std::numeric_limits<double>::infinity());
  EXPECT_EQ(sum_of({-largest, -largest}), -std::numeric_limits<double>::infinity());
  EXPECT_EQ(sum_of({largest, largest, -largest}), largest);
}

}  // namespace
}  // namespace temper
