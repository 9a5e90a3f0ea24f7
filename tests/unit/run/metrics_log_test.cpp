#include "run/metrics_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "run/held_out_history.h"
#include "tests/unit/temporary_directory.h"

namespace temper {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

TEST(MetricsLog, keeps_the_history_that_the_run_went_on_from) {
  const TemporaryDirectory directory;
  const MetricsLog log = read_metrics(directory.write(
      "metrics.jsonl",
      R"({"event":"start","step":0,"time":1})"
      "\n"
      R"({"event":"step","step":1,"loss":3.0,"tokens":64,"seconds":0.5,"time":2})"
      "\n"
      R"({"event":"step","step":2,"loss":null,"time":3})"
      "\n"
      R"({"event":"eval","step":2,"set":"test/a","loss_sum":8,"targets":4,"time":3})"
      "\n"
      R"({"event":"step","st)"
      "\n"
      R"({"event":"resume","step":1,"time":9})"
      "\n"
      R"({"event":"step","step":2,"loss":2.5,"time":10})"
      "\n"
      R"([1])"
      "\n"
      R"({"event":"step","step":3,"lo)"));
  EXPECT_EQ(log.steps.size(), 2u);
  EXPECT_EQ(log.steps.at(1).tokens, 64);
  EXPECT_EQ(log.steps.at(2).loss, 2.5) << "the later line counts";
  EXPECT_TRUE(std::isnan(log.steps.at(2).seconds));
  EXPECT_TRUE(log.evaluations.at("test/a").empty()) << "another history";
  ASSERT_EQ(log.events.size(), 2u);
  EXPECT_EQ(log.events[1].event, "resume");
  EXPECT_THAT(log.unreadable_lines, ElementsAre(5, 8, 9));
  EXPECT_TRUE(log.ends_in_mid_line);
}

TEST(MetricsLog, of_a_missing_file_is_empty) {
  const TemporaryDirectory directory;
  const MetricsLog log = read_metrics(directory / "none");
  EXPECT_TRUE(log.steps.empty() && log.events.empty() && !log.ends_in_mid_line);
}

MetricsLog evaluated_log() {
  MetricsLog log;
  log.evaluations["test/a"] = {{0, {40, 10, 0}}, {5, {20, 10, 0}}, {10, {10, 10, 0}}};
  log.evaluations["test/b"] = {{0, {20, 20, 0}}, {10, {20, 20, 0}}};
  log.evaluations["general/c"] = {{0, {20, 10, 0}}, {5, {21, 10, 0}}, {10, {30, 10, 0}}};
  return log;
}

TEST(HeldOutHistory, joins_sets_by_their_targets) {
  const HeldOutHistory history(evaluated_log());
  EXPECT_THAT(history.test(), ElementsAre(Pair(0, 2.0), Pair(10, 1.0)))
      << "step 5 lacks one of the sets";
  EXPECT_DOUBLE_EQ(history.forgetting_at(10), 0.5);
  EXPECT_TRUE(std::isnan(history.forgetting_at(7)));
}

TEST(HeldOutHistory, prefers_the_lowest_test_loss_within_the_budget) {
  HeldOutHistory history;
  for (const int64_t step : {0, 10, 20, 30}) {
    history.add_general(step, 2.0 + 0.01 * static_cast<double>(step));
    history.add_test(step, 3.0 - 0.05 * static_cast<double>(step));
  }
  history.add_test(40, kNoNumber);
  EXPECT_THAT(history.steps_best_first(0.0), ElementsAre(30, 20, 10, 0));
  EXPECT_THAT(history.steps_best_first(0.11), ElementsAre(20, 10, 0));
}

TEST(HeldOutHistory, without_test_sets_prefers_the_latest_within_the_budget) {
  HeldOutHistory history;
  for (const int64_t step : {0, 10, 20}) {
    history.add_general(step, 2.0 + 0.01 * static_cast<double>(step));
  }
  EXPECT_TRUE(history.steps_best_first(0.0).empty());
  EXPECT_THAT(history.steps_best_first(0.07), ElementsAre(10, 0));
  HeldOutHistory without_base;
  without_base.add_general(10, 2.0);
  EXPECT_TRUE(without_base.steps_best_first(0.1).empty());
}

}  // namespace
}  // namespace temper
