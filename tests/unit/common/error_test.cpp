#include "common/error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>

#include "tests/fixtures/names.h"
#include "tests/unit/error_text.h"

namespace temper {
namespace {

TEST(ErrorTest, exit_codes_tell_the_users_mistakes_from_the_worlds) {
  EXPECT_EQ(UserError("wrong").exit_code(), 2);
  EXPECT_EQ(SystemError("broken").exit_code(), 1);
  EXPECT_EQ(InternalError("bug").exit_code(), 1);
}

TEST(ErrorTest, text_is_formatted_only_with_arguments) {
  EXPECT_STREQ(UserError("{}: line {}", "run.yaml", 3).what(), "run.yaml: line 3");
  EXPECT_STREQ(UserError(std::string("{not a format}")).what(), "{not a format}");
}

TEST(ErrorTest, check_names_the_condition_and_the_message) {
  const int rank = 3;
  const std::string text =
      error_text<InternalError>([&] { TEMPER_CHECK(rank < 2, "rank {}", rank); });
  EXPECT_THAT(text, names("`rank < 2`", "rank 3", "error_test.cpp:"));
  EXPECT_NO_THROW(TEMPER_CHECK(rank == 3));
}

TEST(ErrorTest, errno_text_is_the_systems) {
  EXPECT_EQ(errno_text(ENOENT), "No such file or directory");
}

}  // namespace
}  // namespace temper
