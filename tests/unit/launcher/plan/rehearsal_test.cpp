#include "launcher/plan/rehearsal.h"

#include <gtest/gtest.h>

#include "common/error.h"

namespace temper {
namespace {

std::vector<Json> metrics() {
  std::vector<Json> events = {{{"event", "start"}, {"hash_seconds", 1.0}, {"load_seconds", 2.0}}};
  // The first are slow, and the ones of the resume are those of fewer ranks.
  for (const double seconds : {9.0, 9.0, 9.0, 0.5, 0.5, 0.6, 0.4}) {
    events.push_back({{"event", "step"}, {"seconds", seconds}});
  }
  events.push_back({{"event", "save"}, {"seconds", 2.0}, {"bytes", 1000}});
  events.push_back({{"event", "resume"}, {"hash_seconds", 7.0}, {"load_seconds", 7.0}});
  for (int i = 0; i < 10; ++i) events.push_back({{"event", "step"}, {"seconds", 5.0}});
  events.push_back(
      {{"event", "ranks"}, {"ranks", {{{"peak_pss_bytes", 100}}, {{"peak_pss_bytes", 300}}}}});
  return events;
}

RunConfig run_of(int64_t save_steps, int64_t save_total_limit) {
  RunConfig config;
  config.save_steps = save_steps;
  config.save_minutes = 0.0;
  config.save_total_limit = save_total_limit;
  return config;
}

TEST(Rehearsal, predicts_from_the_first_part) {
  const RehearsalPrediction found = predict(metrics(), run_of(100, 2), 1000);
  EXPECT_DOUBLE_EQ(found.step_seconds, 0.5);
  EXPECT_DOUBLE_EQ(found.start_seconds, 3.0);
  EXPECT_DOUBLE_EQ(found.total_seconds, 3.0 + 1000 * 0.5 + 10 * 2.0);
  EXPECT_EQ(found.checkpoint_bytes, 1000);
  // Two newest and one being written; and the best, where held-out losses tell it.
  EXPECT_EQ(found.disk_bytes, 3000);
  RunConfig measured = run_of(100, 2);
  measured.test_datasets.emplace_back();
  EXPECT_EQ(predict(metrics(), measured, 1000).disk_bytes, 4000);
  EXPECT_EQ(found.rank_bytes, 300);
}

TEST(Rehearsal, all_checkpoints_where_all_are_kept) {
  EXPECT_EQ(predict(metrics(), run_of(100, 0), 1000).disk_bytes, 10000);
  EXPECT_EQ(predict(metrics(), run_of(0, 2), 1000).disk_bytes, 1000);
}

TEST(Rehearsal, saves_by_time_follow_from_the_speed) {
  RunConfig config = run_of(0, 0);
  config.save_minutes = 1.0;
  // 1000 steps of half a second: 8 times a minute, and the end.
  const RehearsalPrediction found = predict(metrics(), config, 1000);
  EXPECT_DOUBLE_EQ(found.total_seconds, 3.0 + 1000 * 0.5 + 9 * 2.0);
  EXPECT_EQ(found.disk_bytes, 9000);
}

TEST(Rehearsal, nothing_is_predicted_from_nothing) {
  EXPECT_THROW(predict({}, run_of(100, 2), 1000), SystemError);
}

}  // namespace
}  // namespace temper
