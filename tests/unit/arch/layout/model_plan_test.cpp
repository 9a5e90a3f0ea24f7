#include "arch/layout/model_plan.h"

#include <gtest/gtest.h>

#include "common/error.h"

namespace temper {
namespace {

TEST(ModelPlan, SeparatesTrainableFromFrozen) {
  const ModelPlan plan = plan_model(
      {{{"e", {4, 2}, false}}, {{"w", {2, 2}, false}, {"a", {2, 1}, true}, {"b", {3}, false}}});
  ASSERT_EQ(plan.groups.size(), 3u);
  EXPECT_FALSE(plan.groups[0].trainable);
  EXPECT_EQ(plan.groups[1].parameters.size(), 2u);
  EXPECT_EQ(plan.groups[1].parameters[1].name, "b");
  EXPECT_TRUE(plan.groups[2].trainable);
  EXPECT_EQ(plan.stages[1].slots[2].group, 1);
  EXPECT_EQ(plan.stages[1].slots[2].parameter, 1);
  EXPECT_EQ(plan.first_trainable_stage, 1);
  EXPECT_EQ(plan.num_elements(true), 2);
  EXPECT_EQ(plan.num_elements(false), 8 + 4 + 3);
}

TEST(ModelPlan, LetsLaterStagesUseAnEarlierBucket) {
  const ModelPlan plan = plan_model(
      {{{"e", {4, 2}, true}}, {{"w", {2}, true}}, {{"n", {2}, true}, {"e", {4, 2}, true}}});
  ASSERT_EQ(plan.groups.size(), 3u);
  EXPECT_EQ(plan.groups[0].num_uses, 2);
  ASSERT_EQ(plan.stages[2].uses.size(), 2u);
  EXPECT_EQ(plan.stages[2].uses[0].use, 0);
  EXPECT_EQ(plan.stages[2].uses[1].group, 0);
  EXPECT_EQ(plan.stages[2].uses[1].use, 1);
  EXPECT_EQ(plan.num_elements(true), 12);  // e counts once
}

TEST(ModelPlan, RefusesOneNameOfTwoShapesOrKinds) {
  EXPECT_THROW(plan_model({{{"e", {4, 2}, true}}, {{"e", {2, 4}, true}}}), InternalError);
  EXPECT_THROW(plan_model({{{"e", {4, 2}, true}}, {{"e", {4, 2}, false}}}), InternalError);
}

TEST(ModelPlan, KnowsAModelWithNothingToTrain) {
  EXPECT_EQ(plan_model({{{"e", {4}, false}}, {{"w", {2}, false}}}).first_trainable_stage, 2);
}

}  // namespace
}  // namespace temper
