#include "sharding/grad_norm.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "arch/layout/bucket_layout.h"
#include "common/philox.h"

namespace temper {
namespace {

constexpr int64_t kCount = 400 * kShardAlignment;

std::vector<float> gradient() {
  const Philox random(4, 0);
  std::vector<float> values(kCount);
  for (int64_t i = 0; i < kCount; ++i) values[i] = random.normal(i) * std::exp2(i % 40 - 20);
  return values;
}

at::Tensor as_tensor(const std::vector<float>& values, int64_t begin, int64_t count) {
  return at::tensor(values).narrow(0, begin, count);
}

double sum_of(const std::vector<float>& values) {
  ExactSum sum;
  add_squares(as_tensor(values, 0, kCount), sum);
  return sum.value();
}

TEST(GradientNorm, IsAccurate) {
  long double expected = 0.0L;
  for (const float value : gradient()) expected += static_cast<long double>(value) * value;
  EXPECT_NEAR(sum_of(gradient()) / static_cast<double>(expected), 1.0, 1e-14);
}

TEST(GradientNorm, HasTheSameBitsHoweverTheGradientIsCut) {
  const std::vector<float> values = gradient();
  const double whole = sum_of(values);
  for (const int64_t shards : {2, 5, 16}) {
    const int64_t part = kCount / shards;
    ExactSum sum;
    for (int64_t i = shards - 1; i >= 0; --i) add_squares(as_tensor(values, i * part, part), sum);
    EXPECT_EQ(sum.value(), whole) << shards;
  }
}

TEST(GradientNorm, IsNanWhenOneEntryIsNotFinite) {
  const float infinity = std::numeric_limits<float>::infinity();
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), infinity, -infinity}) {
    std::vector<float> values = gradient();
    values[kCount / 2 + 3] = bad;
    EXPECT_TRUE(std::isnan(sum_of(values)));
  }
}

}  // namespace
}  // namespace temper
