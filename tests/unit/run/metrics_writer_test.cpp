#include "run/metrics_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "io/json.h"
#include "tests/faults/fault_plan.h"
#include "tests/fixtures/names.h"
#include "tests/unit/temporary_directory.h"

namespace temper {
namespace {

using faults::Action;
using ::testing::Not;

class MetricsWriterTest : public ::testing::Test {
 protected:
  ~MetricsWriterTest() override { faults::disarm(); }

  std::string content() const {
    std::ifstream file(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  // From the call on: each line takes an open, a write and a close.
  static void fail(int64_t call, bool from_then_on, int error_number = ENOSPC) {
    faults::Plan plan;
    plan.call = call;
    plan.action = Action::kFail;
    plan.error_number = error_number;
    plan.from_then_on = from_then_on;
    plan.match = "metrics.jsonl";
    faults::arm(plan);
  }
  // Half of the next write is done, and nothing after it.
  void tear_next_write() {
    faults::Plan plan;
    plan.call = 2;
    plan.action = Action::kShorten;
    plan.match = "metrics.jsonl";
    calls_ = 0;
    plan.before_each = [this](const std::string&) {
      if (++calls_ == 2) fail(1, true);
    };
    faults::arm(plan);
  }

  int calls_ = 0;
  TemporaryDirectory directory_;
  std::filesystem::path path_ = directory_ / "metrics.jsonl";
};

TEST_F(MetricsWriterTest, planted_link_is_not_followed) {
  const auto mine = directory_.write("mine", "mine\n");
  std::filesystem::create_symlink(mine, path_);
  testing::internal::CaptureStderr();
  MetricsWriter(path_).append("1");
  EXPECT_THAT(testing::internal::GetCapturedStderr(), names(path_.string()));
  EXPECT_EQ(std::filesystem::file_size(mine), 5u);
}

TEST_F(MetricsWriterTest, lines_wait_while_the_disk_is_full_and_come_in_order) {
  for (const int error : {ENOSPC, EIO, EDQUOT}) {
    std::filesystem::remove(path_);
    testing::internal::CaptureStderr();
    MetricsWriter writer(path_);
    writer.append("1");
    fail(1, true, error);
    writer.append("2");
    writer.append("3");
    EXPECT_EQ(writer.num_waiting(), 2u);
    EXPECT_EQ(content(), "1\n");
    faults::disarm();
    writer.append("4");
    EXPECT_EQ(content(), "1\n2\n3\n4\n");
    EXPECT_EQ(writer.num_waiting(), 0u);
    const std::string said = testing::internal::GetCapturedStderr();
    const size_t warning = said.find("the run goes on");
    EXPECT_NE(warning, said.npos);
    EXPECT_EQ(said.find("the run goes on", warning + 1), said.npos);
    EXPECT_THAT(said, names(path_.string(), "3 events"));
  }
}

TEST_F(MetricsWriterTest, half_a_line_is_completed_before_another_follows) {
  MetricsWriter writer(path_);
  writer.append("first");
  tear_next_write();
  writer.append("second");
  EXPECT_EQ(content(), "first\nsec");
  writer.append("third");
  EXPECT_EQ(content(), "first\nsec");
  faults::disarm();
  writer.append("fourth");
  EXPECT_EQ(content(), "first\nsecond\nthird\nfourth\n");
}

TEST_F(MetricsWriterTest, line_that_got_there_all_the_same_is_not_written_twice) {
  MetricsWriter writer(path_);
  fail(3, false, EDQUOT);  // the close, where a file system on the network tells
  writer.append("1");
  EXPECT_EQ(writer.num_waiting(), 1u);
  faults::disarm();
  writer.append("2");
  EXPECT_EQ(content(), "1\n2\n");
}

TEST_F(MetricsWriterTest, half_a_line_of_another_attempt_is_ended) {
  directory_.write("metrics.jsonl", "{\"event\": \"st");
  MetricsWriter writer(path_);
  fail(2, false);
  writer.append("1");
  faults::disarm();
  writer.append("2");
  EXPECT_EQ(content(), "{\"event\": \"st\n1\n2\n");
}

TEST_F(MetricsWriterTest, oldest_lines_make_room_and_the_file_says_how_many) {
  MetricsWriter writer(path_, 10);
  fail(1, true);
  for (const char* line : {"11", "22", "33", "44", "55"}) writer.append(line);
  EXPECT_EQ(writer.num_waiting(), 3u);
  faults::disarm();
  testing::internal::CaptureStderr();
  writer.append("66");
  EXPECT_THAT(testing::internal::GetCapturedStderr(), names(path_.string(), "3 older"));
  const std::string text = content();
  const Json lost = parse_json(text.substr(0, text.find('\n')), "the first line");
  EXPECT_EQ(lost["event"], "lost");
  EXPECT_EQ(lost["lines"], 3);
  EXPECT_EQ(text.substr(text.find('\n')), "\n44\n55\n66\n");
}

TEST_F(MetricsWriterTest, what_was_never_written_is_said_at_the_end) {
  testing::internal::CaptureStderr();
  {
    MetricsWriter writer(path_);
    writer.append("1");
    fail(1, true);
    writer.append("2");
    writer.append("3");
  }
  EXPECT_THAT(testing::internal::GetCapturedStderr(), names(path_.string(), "lacks", "2 events"));
  faults::disarm();
  testing::internal::CaptureStderr();
  {
    MetricsWriter writer(path_);
    fail(1, false);
    writer.append("4");
  }
  EXPECT_THAT(testing::internal::GetCapturedStderr(), Not(names("lacks")));
  EXPECT_EQ(content(), "1\n4\n");
}

}  // namespace
}  // namespace temper
