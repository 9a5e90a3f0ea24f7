#include "run/checkpoint/checkpoint_name.h"

#include <gtest/gtest.h>

namespace temper {
namespace {

TEST(CheckpointNameTest, names_round_trip) {
  for (const int64_t step : {int64_t{0}, int64_t{7}, int64_t{120}, INT64_MAX}) {
    EXPECT_EQ(checkpoint_step(checkpoint_name(step)), step);
  }
  EXPECT_EQ(checkpoint_name(120), "step-120");
}

TEST(CheckpointNameTest, anything_else_is_no_checkpoint) {
  for (const char* name :
       {"", "step-", "step-x", "step-1x", "step-1 ", " step-1", "Step-1", "step--1", "step-+1",
        "step-01", "step-00", "step-1.partial", "step-1.a.partial", "step-1.deleting", "step_1",
        "step-9223372036854775808", "step-99999999999999999999", "latest", "xstep-1"}) {
    EXPECT_FALSE(checkpoint_step(name)) << name;
  }
}

TEST(UnfinishedNameTest, is_taken_apart) {
  const auto partial = parse_suffixed_name("step-12.job.7-1.partial");
  ASSERT_TRUE(partial);
  EXPECT_EQ(partial->step, 12);
  EXPECT_EQ(partial->attempt, "job.7-1");
  EXPECT_EQ(partial->suffix, "partial");
  EXPECT_EQ(parse_suffixed_name("step-12.deleting")->attempt, "");
  EXPECT_EQ(parse_suffixed_name("step-12.a.deleting")->suffix, "deleting");
  EXPECT_EQ(parse_suffixed_name("step-12.a.aside")->suffix, "aside");
  for (const char* name : {"step-12", "step-x.a.partial", "step-1.a.other", "run.json.partial",
                           "step-1.a.partial2", ".partial", "step-012.a.partial"}) {
    EXPECT_FALSE(parse_suffixed_name(name)) << name;
  }
}

}  // namespace
}  // namespace temper
