#include "common/process_memory.h"

#include <gtest/gtest.h>

#include <vector>

namespace temper {
namespace {

TEST(ProcessMemoryTest, sees_what_is_touched) {
  const ProcessMemory before = read_process_memory();
  EXPECT_GT(before.rss_bytes, 0);
  EXPECT_GT(before.pss_bytes, 0);
  EXPECT_LE(before.pss_bytes, before.rss_bytes);
  EXPECT_GE(read_peak_rss(), before.peak_rss_bytes);

  constexpr int64_t kBytes = int64_t{64} << 20;
  const std::vector<char> touched(kBytes, 'x');
  const ProcessMemory after = read_process_memory();
  EXPECT_EQ(touched.back(), 'x');
  EXPECT_GE(after.rss_bytes - before.rss_bytes, kBytes * 9 / 10);
  EXPECT_GE(after.peak_rss_bytes, after.rss_bytes * 9 / 10);
}

}  // namespace
}  // namespace temper
