// The preflight's collectives: right here, and a wrong one is named.
#include "comm/collective_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/distributed/world.h"

namespace temper {
namespace {

TEST(CollectiveCheck, sound_group_gives_the_right_values_at_every_size) {
  const std::vector<CollectiveCheck> checks = check_collectives(world(), {4, 4096, 1 << 20});
  ASSERT_EQ(checks.size(), 3u);
  for (const CollectiveCheck& check : checks) {
    EXPECT_THAT(check.wrong, testing::IsEmpty()) << check.num_bytes;
    EXPECT_GT(check.all_reduce_bytes_per_second, 0.0);
  }
}

TEST(CollectiveCheck, link_is_measured_between_neighbours) {
  const double speed = measure_link(world(), 1 << 20);
  if (world().size() == 1) {
    EXPECT_EQ(speed, 0.0);
  } else {
    EXPECT_GT(speed, 0.0);
  }
}

}  // namespace
}  // namespace temper
