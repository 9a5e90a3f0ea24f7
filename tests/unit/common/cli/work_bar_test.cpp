#include "common/cli/work_bar.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>
#include <string>

namespace temper {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

std::string shown(const std::function<void(std::FILE*)>& use) {
  char* text = nullptr;
  size_t size = 0;
  std::FILE* terminal = open_memstream(&text, &size);
  use(terminal);
  std::fclose(terminal);
  std::string written(text, size);
  std::free(text);
  return written;
}

TEST(WorkBar, tells_how_far_it_is_and_wipes_its_line) {
  const std::string written = shown([](std::FILE* terminal) {
    WorkBar bar("answers", 3, true, terminal);
    bar.advance();
  });
  EXPECT_THAT(written, StartsWith("\ranswers: 1 of 3, 0s left"));
  EXPECT_THAT(written, EndsWith("\r\033[K"));
}

TEST(WorkBar, is_silent_on_other_ranks_and_when_all_is_done) {
  EXPECT_EQ(shown([](std::FILE* terminal) {
              WorkBar bar("answers", 3, false, terminal);
              bar.advance();
            }),
            "");
  EXPECT_EQ(shown([](std::FILE* terminal) {
              WorkBar bar("answers", 1, true, terminal);
              bar.advance();
            }),
            "");
}

TEST(WorkBar, writes_nothing_where_nobody_looks_on_for_short) {
  testing::internal::CaptureStderr();
  {
    WorkBar bar("answers", 3, true, nullptr);
    bar.advance();
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST(WorkBar, tells_the_log_at_its_interval_and_counts_pieces) {
  testing::internal::CaptureStderr();
  {
    WorkBar bar("evaluating test/x, rows", 400, true, nullptr, std::chrono::milliseconds(0));
    bar.advance(120);
    bar.advance(280);
  }
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_THAT(said, HasSubstr("evaluating test/x, rows: 120 of 400, "));
  EXPECT_THAT(said, Not(HasSubstr("400 of 400")));
}

}  // namespace
}  // namespace temper
