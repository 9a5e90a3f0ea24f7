#include "common/spelling.h"

#include <gtest/gtest.h>

namespace temper {
namespace {

TEST(Spelling, edit_distance_counts_swaps_once) {
  EXPECT_EQ(edit_distance("", "abc"), 3u);
  EXPECT_EQ(edit_distance("lerning_rate", "learning_rate"), 1u);
  EXPECT_EQ(edit_distance("seed", "sede"), 1u);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
}

TEST(Spelling, suggestion_only_for_what_is_near) {
  const std::vector<std::string> known = {"learning_rate", "lora_r", "seed"};
  EXPECT_EQ(suggestion("lerning_rate", known), " (did you mean \"learning_rate\"?)");
  EXPECT_EQ(suggestion("sed", known), " (did you mean \"seed\"?)");
  EXPECT_EQ(suggestion("quantisation", known), "");
}

}  // namespace
}  // namespace temper
