#include "eval/lora_scale.h"

#include <gtest/gtest.h>

#include <limits>

namespace temper {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

TEST(ChooseLoraScale, takes_the_lowest_test_loss_within_the_budget) {
  const std::vector<LoraScalePoint> curve = {
      {0.0, 4.0, 2.0}, {0.25, 3.0, 2.02}, {0.5, 2.5, 2.08}, {0.75, 2.6, 2.09}, {1.0, 2.0, 2.4}};
  EXPECT_EQ(choose_lora_scale(curve, 0.05).scale, 0.5);
  EXPECT_EQ(choose_lora_scale(curve, 0.02).scale, 0.25);
  EXPECT_EQ(choose_lora_scale(curve, 0.5).scale, 1.0);
  EXPECT_EQ(choose_lora_scale(curve, 0.001).scale, 0.0) << "the base";
  const Json json = choose_lora_scale(curve, 0.05).to_json();
  EXPECT_EQ(json["curve"].size(), 5u);
  EXPECT_DOUBLE_EQ(json["curve"][4]["rise"], 2.4 / 2.0 - 1.0);
}

TEST(ChooseLoraScale, without_test_sets_takes_the_largest_scale_within_the_budget) {
  const std::vector<LoraScalePoint> curve = {
      {0.0, kNone, 2.0}, {0.5, kNone, 2.05}, {1.0, kNone, 2.4}};
  EXPECT_EQ(choose_lora_scale(curve, 0.05).scale, 0.5);
  EXPECT_TRUE(choose_lora_scale(curve, 0.05).to_json()["curve"][0]["test_loss"].is_null());
}

}  // namespace
}  // namespace temper
