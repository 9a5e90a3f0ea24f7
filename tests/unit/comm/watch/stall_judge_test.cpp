#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "comm/watch/watchdog.h"

namespace temper {
namespace {

using Kind = StallJudge::Kind;
using View = StallJudge::View;
using Views = std::vector<View>;

constexpr double kLimit = 20;

View computing(RankPhase phase = RankPhase::kStep) {
  View view;
  view.phase = phase;
  view.operations = 7;
  return view;
}

View waiting(uint64_t operations = 7, RankPhase phase = RankPhase::kStep) {
  View view = computing(phase);
  view.operation = Operation::kReduce;
  view.operations = operations;
  return view;
}

// Looks once a second for so long; `live` of the views go on ticking, none makes progress.
std::optional<StallJudge::Verdict> look_for(StallJudge& judge, Views& views, int seconds,
                                            const std::vector<bool>& live) {
  for (int i = 0; i < seconds; ++i) {
    for (size_t v = 0; v < views.size(); ++v) views[v].ticks += live[v] ? 1 : 0;
    if (const auto verdict = judge.look(views, 1.0)) return verdict;
  }
  return std::nullopt;
}

std::optional<StallJudge::Verdict> look_for(StallJudge& judge, Views& views, int seconds) {
  return look_for(judge, views, seconds, std::vector<bool>(views.size(), true));
}

TEST(StallJudge, progress_is_no_stall) {
  StallJudge judge(kLimit);
  Views views = {computing(), waiting()};
  for (int i = 0; i < 100; ++i) {
    for (View& view : views) ++view.ticks, view.progress += i % 9 == 0;
    EXPECT_FALSE(judge.look(views, 1.0));
  }
}

TEST(StallJudge, rank_outside_of_operations_is_named_and_those_that_wait_are_not) {
  StallJudge judge(kLimit);
  Views views = {waiting(), computing(), waiting()};
  EXPECT_FALSE(look_for(judge, views, 20));
  const auto verdict = look_for(judge, views, 3);
  ASSERT_TRUE(verdict);
  EXPECT_EQ(verdict->kind, Kind::kStuck);
  EXPECT_EQ(verdict->member, 1u);
  EXPECT_GT(verdict->seconds, kLimit);
}

TEST(StallJudge, process_that_does_not_run_is_named_wherever_it_stands) {
  for (const RankPhase phase : {RankPhase::kLoad, RankPhase::kStep, RankPhase::kSave}) {
    StallJudge judge(kLimit);
    Views views = {waiting(7, phase), waiting(7, phase)};
    const auto verdict = look_for(judge, views, 22, {false, true});
    ASSERT_TRUE(verdict);
    EXPECT_EQ(verdict->kind, Kind::kStopped);
    EXPECT_EQ(verdict->member, 0u);
  }
}

TEST(StallJudge, files_may_take_three_times_as_long) {
  for (const RankPhase phase : {RankPhase::kLoad, RankPhase::kSave}) {
    StallJudge judge(kLimit);
    Views views = {computing(phase), waiting(8, phase)};
    EXPECT_FALSE(look_for(judge, views, 60));
    EXPECT_TRUE(look_for(judge, views, 3));
  }
}

TEST(StallJudge, rank_in_an_earlier_operation_is_behind) {
  StallJudge judge(kLimit);
  Views views = {waiting(9), waiting(8), waiting(9)};
  EXPECT_FALSE(look_for(judge, views, 25));
  const auto verdict = look_for(judge, views, 3);
  ASSERT_TRUE(verdict);
  EXPECT_EQ(verdict->kind, Kind::kBehind);
  EXPECT_EQ(verdict->member, 1u);
}

TEST(StallJudge, node_that_only_waits_speaks_later_than_the_one_that_knows) {
  StallJudge judge(kLimit);
  Views views = {waiting(), waiting()};
  EXPECT_FALSE(look_for(judge, views, 25));
  const auto verdict = look_for(judge, views, 3);
  ASSERT_TRUE(verdict);
  EXPECT_EQ(verdict->kind, Kind::kWaits);
}

TEST(StallJudge, death_is_seen_at_once_and_an_orderly_end_is_none) {
  StallJudge judge(kLimit);
  Views views = {waiting(), waiting()};
  views[1].is_gone = true;
  views[1].phase = RankPhase::kLeft;
  EXPECT_FALSE(judge.look(views, 1.0));
  views[1].phase = RankPhase::kStep;
  const auto verdict = judge.look(views, 1.0);
  ASSERT_TRUE(verdict);
  EXPECT_EQ(verdict->kind, Kind::kDied);
  EXPECT_EQ(verdict->member, 1u);
}

TEST(StallJudge, ranks_out_of_reach_are_not_judged) {
  StallJudge judge(kLimit);
  Views views = {waiting(), View{}};
  views[1].is_gone = true;
  EXPECT_FALSE(look_for(judge, views, 25, {true, false}));
}

TEST(StallJudge, forgives) {
  StallJudge judge(kLimit);
  Views views = {computing()};
  EXPECT_FALSE(look_for(judge, views, 20));
  judge.forgive();
  EXPECT_FALSE(look_for(judge, views, 20));
  EXPECT_TRUE(look_for(judge, views, 2));
}

}  // namespace
}  // namespace temper
