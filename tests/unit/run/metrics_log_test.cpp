#include "run/metrics_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

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

TEST(MetricsLog, a_rollback_drops_what_came_after_it) {
  const TemporaryDirectory directory;
  const MetricsLog log = read_metrics(
      directory.write("metrics.jsonl", R"({"event":"test_loss","step":4,"loss":2.0,"data":"d"})"
                                       "\n"
                                       R"({"event":"test_loss","step":6,"loss":1.0,"data":"d"})"
                                       "\n"
                                       R"({"event":"rollback","step":4,"rows":[8,12]})"));
  EXPECT_THAT(log.test_losses.over("d"), ElementsAre(Pair(4, 2.0)));
}

TEST(HeldOutHistory, has_what_was_measured_over_the_sets_of_the_last_evaluation) {
  const TemporaryDirectory directory;
  const std::vector<std::string> lines = {
      R"({"event":"test_loss","step":10,"loss":3.0,"data":"d"})",
      R"({"event":"general_loss","step":10,"loss":4.0,"data":"g"})",
      R"({"event":"step","step":10,"loss":9.0,"data":"d"})",
      R"({"event":"test_loss","step":20,"loss":2.0,"data":"d"})",
      R"({"event":"test_loss","step":30,"lo)",
      R"({"event":"test_loss","step":20,"loss":1.5,"data":"d"})",
      R"({"event":"test_loss","step":10,"loss":0.1,"data":"of other test sets"})",
      R"({"event":7,"step":10,"loss":1.0,"data":"d"})",
      R"({"event":"test_loss","step":"ten","loss":1.0,"data":"d"})",
      R"({"event":"test_loss","step":10,"loss":null,"data":"d"})",
      R"({"event":"test_loss","step":10,"loss":1.0,"data":["d"]})",
      R"({"event":"test_loss"})",
      R"(["event"])",
      R"({"event":"test_loss","step":40,"loss":1.0,"data":"d"})"};
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  const MetricsLog log = read_metrics(directory.write("metrics.jsonl", text));
  const HeldOutHistory history(log);
  EXPECT_THAT(history.test(), ElementsAre(Pair(10, 3.0), Pair(20, 1.5), Pair(40, 1.0)));
  EXPECT_THAT(history.general(), ElementsAre(Pair(10, 4.0)));
  EXPECT_THAT(HeldOutHistory(log, "of other test sets", "none").test(), ElementsAre(Pair(10, 0.1)));
  EXPECT_TRUE(HeldOutHistory(log, "of other test sets", "none").general().empty());
}

TEST(HeldOutHistory, tells_how_much_was_forgotten) {
  HeldOutHistory history;
  history.add_general(0, 2.0);
  history.add_general(10, 3.0);
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
  EXPECT_EQ(history.best_step(0.11), 20);
  EXPECT_EQ(HeldOutHistory().best_step(0.0), -1);
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
