// The row loops of softmax, for each number of lanes that this processor has.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "kernels/cpu/attention_rows.h"
#include "kernels/cpu/cross_entropy_rows.h"

namespace temper {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

std::vector<Width> widths() {
  if (!has_avx512()) return {Width::kEight};
  return {Width::kEight, Width::kSixteen};
}

float number(int64_t i) {
  return static_cast<float>(i * 37 % 101) * 0.07f - 3.0f;
}

class SoftmaxRows : public testing::TestWithParam<Width> {};

double exact_logsumexp(const std::vector<float>& x) {
  double sum = 0.0;
  for (const float value : x) sum += std::exp(static_cast<double>(value));
  return std::log(sum);
}

TEST_P(SoftmaxRows, cross_entropy_is_that_of_double_precision) {
  for (const int64_t n : {1, 2, 7, 8, 9, 15, 16, 17, 31, 33, 40, 511, 512, 513, 529, 1600}) {
    std::vector<float> logits(n);
    for (int64_t i = 0; i < n; ++i) logits[i] = number(i);
    const double expected = exact_logsumexp(logits);
    const int64_t target = n / 2;
    EXPECT_NEAR(logsumexp_row(logits.data(), n, GetParam()), expected, 2e-6) << n;
    std::vector<float> gradient = logits;
    gradient.push_back(7.0f);
    EXPECT_NEAR(cross_entropy_backward_row(gradient.data(), n, target, GetParam()), expected, 2e-6);
    EXPECT_EQ(gradient[n], 7.0f);
    for (int64_t i = 0; i < n; ++i) {
      const double p = std::exp(static_cast<double>(logits[i]) - expected) - (i == target);
      EXPECT_NEAR(gradient[i], p, 1e-6) << i << " of " << n;
    }
  }
}

// What lets a step with bad numbers be noticed.
TEST_P(SoftmaxRows, cross_entropy_of_what_is_not_finite_is_not_either) {
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), kInfinity}) {
    for (const int64_t n : {5, 16, 40}) {
      for (const int64_t at : {int64_t{0}, n / 2, n - 1}) {
        std::vector<float> logits(n, 0.5f);
        logits[at] = bad;
        EXPECT_FALSE(std::isfinite(logsumexp_row(logits.data(), n, GetParam())));
        EXPECT_FALSE(std::isfinite(cross_entropy_backward_row(logits.data(), n, 0, GetParam())));
        EXPECT_FALSE(std::isfinite(logits[at])) << n;
      }
    }
  }
}

// Three rows of a causal mask with a window, in two blocks of columns.
TEST_P(SoftmaxRows, attention_in_two_blocks_is_that_of_double_precision) {
  constexpr int64_t kRows = 3, kStride = 64;
  constexpr float kScale = 0.4f;
  for (const int64_t n : {3, 9, 16, 21, 40}) {
    std::vector<float> scores(kRows * kStride);
    for (int64_t i = 0; i < kRows * kStride; ++i) scores[i] = number(i);
    const std::vector<float> before = scores;
    const int64_t half = n / 2, window = n - 2;
    std::vector<SoftmaxState> states(kRows, {-kInfinity, 0.0f});
    float factors[kRows], first_factors[kRows];
    const auto strip = [&](int64_t begin, int64_t end) {
      const int64_t level = n - kRows;
      return ScoreStrip{scores.data() + begin,      kStride,          kRows, end - begin,
                        level - begin - window + 1, level - begin + 1};
    };
    softmax_strip(strip(0, half), kScale, states.data(), first_factors, GetParam());
    softmax_strip(strip(half, n), kScale, states.data(), factors, GetParam());
    for (int64_t r = 0; r < kRows; ++r) {
      const int64_t level = n - kRows + r, first = std::max<int64_t>(0, level - window + 1);
      double sum = 0.0;
      for (int64_t c = first; c <= level; ++c) {
        sum += std::exp(static_cast<double>(kScale * before[r * kStride + c]));
      }
      for (int64_t c = 0; c < n; ++c) {
        const double in_block = scores[r * kStride + c] / states[r].sum;
        const double p = c < half ? in_block * factors[r] : in_block;
        const bool seen = c >= first && c <= level;
        const double exact = std::exp(static_cast<double>(kScale * before[r * kStride + c])) / sum;
        EXPECT_NEAR(p, seen ? exact : 0.0, 1e-6) << n << ", row " << r << ", column " << c;
      }
    }
  }
}

TEST_P(SoftmaxRows, attention_backward_is_that_of_double_precision) {
  constexpr int64_t kRows = 2, kStride = 64;
  constexpr float kScale = 0.3f;
  for (const int64_t n : {2, 8, 13, 16, 29, 48}) {
    std::vector<float> scores(kRows * kStride), d(kRows * kStride);
    for (int64_t i = 0; i < kRows * kStride; ++i) {
      scores[i] = number(i);
      d[i] = number(i + 50);
    }
    const std::vector<float> before = scores, d_before = d;
    const float logsumexp[kRows] = {1.5f, 2.5f}, delta[kRows] = {0.25f, -0.5f};
    softmax_backward_strip({scores.data(), kStride, kRows, n, 0, n - kRows + 1}, d.data(), kScale,
                           logsumexp, delta, GetParam());
    for (int64_t r = 0; r < kRows; ++r) {
      for (int64_t c = 0; c < n; ++c) {
        // Each row sees one column more, and the first columns less.
        const bool seen = c >= r && c < n - kRows + 1 + r;
        const int64_t i = r * kStride + c;
        const double p =
            seen ? std::exp(static_cast<double>(kScale * before[i] - logsumexp[r])) : 0;
        EXPECT_NEAR(scores[i], p, 2e-6 * (1 + p)) << n << ", row " << r << ", column " << c;
        EXPECT_NEAR(d[i], kScale * p * (d_before[i] - delta[r]), 2e-6 * (1 + 10 * p));
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Widths, SoftmaxRows, testing::ValuesIn(widths()), [](const auto& test) {
  return test.param == Width::kEight ? "eight" : "sixteen";
});

}  // namespace
}  // namespace temper
