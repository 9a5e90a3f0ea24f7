#include "common/shard_names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tests/unit/temporary_directory.h"

namespace temper {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

TEST(ShardNames, a_shard_is_named_after_the_whole) {
  EXPECT_EQ(shard_path("data/train.h5", 2, 8), "data/train-00002-of-00008.h5");
}

TEST(ShardNames, shards_are_found_by_the_count_that_they_state) {
  const TemporaryDirectory folder;
  const auto path = folder.path() / "train.h5";
  EXPECT_THAT(find_shards(path), IsEmpty());
  EXPECT_THAT(find_shards(folder.path() / "absent" / "train.h5"), IsEmpty());
  for (const char* name :
       {"train-00000-of-00002.h5", "train-00001-of-00002.h5", "train-00000-of-00003.h5",
        "train-0000x-of-00004.h5", "train-00000-by-00004.h5", "train-00000-of-00004.h6",
        "trail-00000-of-00004.h5", "train-000000-of-00004.h5"}) {
    std::ofstream(folder.path() / name) << "x";
  }
  EXPECT_THAT(find_shards(path), ElementsAre(Pair(2, 2), Pair(3, 1)));
}

}  // namespace
}  // namespace temper
