// A file system that fails while a run writes what it does: that ends no run, and costs no event.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cerrno>
#include <utility>

#include "tests/fixtures/names.h"
#include "training_fixture.h"

namespace temper {
namespace {

using ::testing::Not;

class MetricsFaultsTest : public TrainingFixture {
 protected:
  MetricsFaultsTest() { write_yaml("max_steps: 6\nsave_steps: 2\n"); }

  ProgramRun train_with(const std::string& output, int num_ranks, const std::string& faults) {
    return temper(train_arguments(output, num_ranks, {}), "",
                  {{"TEMPER_RANK", TEMPER_RANK_FAULTS}, {"TEMPER_FAULTS", "rank=0," + faults}});
  }
  void expect_all_events(const std::string& output) {
    int64_t expected = 0;
    for (const Json& step : metrics(output, "step")) EXPECT_EQ(step["step"], ++expected);
    EXPECT_EQ(expected, 6);
    EXPECT_EQ(metrics(output, "save").size(), 3u);
    EXPECT_EQ(metrics(output, "ranks").size(), 1u);
  }
  static size_t count_of(const std::string& text, const std::string& part) {
    size_t count = 0;
    for (size_t at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++count;
    return count;
  }
};

TEST_F(MetricsFaultsTest, write_that_fails_once_costs_neither_the_run_nor_an_event) {
  ASSERT_EQ(train("whole", 1).exit_code, 0);
  const auto num_calls = 3 * metrics("whole").size();  // an open, a write and a close for each
  // The first step, one in the middle, what is said of the last save, and the last event.
  const std::pair<size_t, int> faults[] = {
      {7, EIO}, {num_calls / 2, ENOSPC}, {num_calls - 4, EIO}, {num_calls - 1, ENOSPC}};
  for (const auto& [call, error] : faults) {
    const std::string output = fmt::format("out-{}", call);
    const ProgramRun run = train_with(
        output, 2, fmt::format("match=metrics.jsonl,call={},action=fail,error={}", call, error));
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_EQ(count_of(run.err, "its events wait until that works again"), 1u) << run.err;
    EXPECT_THAT(run.err, Not(names("lacks")));
    expect_all_events(output);
    EXPECT_EQ(latest(output)["state_hash"], latest("whole")["state_hash"]);
  }
}

TEST_F(MetricsFaultsTest, disk_that_stays_full_is_said_once_and_at_the_end) {
  const ProgramRun run =
      train_with("out", 2, "match=metrics.jsonl,call=10,forever=1,action=fail,error=28");
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(count_of(run.err, "its events wait until that works again"), 1u) << run.err;
  EXPECT_THAT(run.err, names("metrics.jsonl", "lacks"));
  EXPECT_EQ(latest("out")["step"], 6);
  EXPECT_EQ(temper_json({"status", "out", "--json"})["state"], "finished");
}

TEST_F(MetricsFaultsTest, state_that_cannot_be_written_ends_no_run) {
  ASSERT_EQ(train("whole", 1).exit_code, 0);
  const ProgramRun run =
      train_with("out", 2, "match=status.json,call=30,forever=1,action=fail,error=28");
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(count_of(run.err, "the run's state cannot be written"), 1u) << run.err;
  EXPECT_THAT(run.err, names("/out/status.json", "is finished"));
  expect_all_events("out");
  EXPECT_EQ(latest("out")["state_hash"], latest("whole")["state_hash"]);
}

TEST_F(MetricsFaultsTest, state_that_cannot_be_written_for_a_moment_is_right_in_the_end) {
  // Each state but the first is five calls after the one that reads the state before: this is a
  // write.
  const ProgramRun run = train_with("out", 1, "match=status.json,call=26,action=fail,error=5");
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.err, names("written again"));
  EXPECT_EQ(temper_json({"status", "out", "--json"})["state"], "finished");
}

}  // namespace
}  // namespace temper
