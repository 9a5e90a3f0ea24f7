#include "io/free_space.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/error.h"
#include "tests/faults/fault_plan.h"
#include "tests/fixtures/names.h"
#include "tests/unit/error_text.h"
#include "tests/unit/temporary_directory.h"

namespace temper {
namespace {

TEST(FreeSpaceTest, too_little_is_an_error_with_both_numbers) {
  const TemporaryDirectory directory;
  EXPECT_NO_THROW(require_free_space(directory / "not/yet", 1));
  EXPECT_THAT(
      error_text<SystemError>([&] { require_free_space(directory.path(), uint64_t{1} << 62); }),
      names(directory.path().string(), "4611686018427387904 bytes"));
}

TEST(FreeSpaceTest, nearest_directory_is_what_is_there) {
  const TemporaryDirectory directory;
  directory.write("file", "");
  EXPECT_EQ(nearest_directory(directory / "not/yet"), directory.path());
  EXPECT_EQ(nearest_directory(directory / "file/below"), directory.path());
  EXPECT_EQ(free_bytes(directory / "not/yet"), free_bytes(directory.path()));
}

TEST(FreeSpaceTest, allocation_leaves_nothing_and_a_quota_is_heard) {
  const TemporaryDirectory directory;
  EXPECT_EQ(find_allocation_problem(directory.path(), 1 << 20), "");
  EXPECT_EQ(directory.num_entries(), 0u);
  const auto problem_with = [&](int error) {
    faults::Plan plan;
    plan.call = 3;  // after open and unlink
    plan.action = faults::Action::kFail;
    plan.error_number = error;
    plan.match = "space.";
    faults::arm(plan);
    std::string found = find_allocation_problem(directory.path(), 1 << 20);
    faults::disarm();
    EXPECT_EQ(directory.num_entries(), 0u);
    return found;
  };
  EXPECT_EQ(problem_with(EDQUOT), errno_text(EDQUOT));
  EXPECT_EQ(problem_with(ENOSPC), errno_text(ENOSPC));
  EXPECT_EQ(problem_with(EOPNOTSUPP), "");  // there it cannot be told
}

}  // namespace
}  // namespace temper
