#include "comm/mpi/ordered_sum.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "common/philox.h"

namespace temper {
namespace {

std::vector<float> values(int64_t count, uint64_t stream) {
  const Philox random(1, stream);
  std::vector<float> result(count);
  for (int64_t i = 0; i < count; ++i) result[i] = random.normal(i) * (i % 7 == 0 ? 1e6f : 1.0f);
  return result;
}

// Long enough for several blocks and, with threads, several threads.
TEST(OrderedSum, AddsPartAfterPart) {
  const int64_t count = 300001;
  std::vector<float> sum = values(count, 0);
  const std::vector<float> a = values(count, 1), b = values(count, 2), c = values(count, 3);
  std::vector<float> expected = sum;
  for (int64_t i = 0; i < count; ++i) {
    expected[i] += a[i];
    expected[i] += b[i];
    expected[i] += c[i];
  }
  add_in_order(sum.data(), {a.data(), b.data(), c.data()}, count);
  EXPECT_EQ(std::memcmp(sum.data(), expected.data(), count * sizeof(float)), 0);
}

TEST(OrderedSum, AddsNothingOfNoParts) {
  std::vector<float> sum = {-0.0f};
  add_in_order(sum.data(), {}, 1);
  EXPECT_TRUE(std::signbit(sum[0]));
}

}  // namespace
}  // namespace temper
