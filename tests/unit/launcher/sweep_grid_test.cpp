#include "launcher/sweep_grid.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/error.h"

namespace temper {
namespace {

using ::testing::ElementsAre;

TEST(SweptKey, has_a_key_and_values) {
  const SweptKey swept = SweptKey::from_text("learning_rate=1e-4,3e-4");
  EXPECT_EQ(swept.key, "learning_rate");
  EXPECT_THAT(swept.values, ElementsAre("1e-4", "3e-4"));
  for (const char* wrong : {"", "key", "key=", "=1", "key=1,,2", "key=1,"}) {
    EXPECT_THROW(SweptKey::from_text(wrong), UserError) << wrong;
  }
}

TEST(SweepGrid, has_every_combination) {
  const auto runs =
      sweep_grid({{"lora_r", {"8", "16"}}, {"learning_rate", {"1e-4", "2/x"}}}, {}, "");
  ASSERT_EQ(runs.size(), 4u);
  EXPECT_EQ(runs[1].name, "lora_r-8_learning_rate-2_x");
  EXPECT_EQ(runs[2].name, "lora_r-16_learning_rate-1e-4");
  EXPECT_EQ(runs[2].overrides[0].value, "16");
  EXPECT_EQ(runs[2].overrides[1].key, "learning_rate");
}

TEST(SweepGrid, refuses_what_makes_no_sense) {
  EXPECT_THROW(sweep_grid({{"a", {"1"}}, {"a", {"2"}}}, {}, ""), UserError);
  EXPECT_THROW(sweep_grid({{"replay", {"0.1"}}}, {}, ""), UserError);
  for (const char* share : {"1", "-0.1", "x", "0.1x"}) {
    EXPECT_THROW(sweep_grid({{"replay", {share}}}, {}, "general.h5"), UserError) << share;
  }
}

}  // namespace
}  // namespace temper
