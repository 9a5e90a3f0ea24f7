#include "io/output_guard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/error.h"
#include "tests/fixtures/names.h"
#include "tests/unit/error_text.h"
#include "tests/unit/temporary_directory.h"

namespace temper {
namespace {

TEST(OutputGuardTest, only_products_and_empty_files_are_replaced) {
  const TemporaryDirectory directory;
  const auto path = directory.write("corpus.jsonl", "{}\n");
  const auto refusal = [&](const std::filesystem::path& output, bool is_product) {
    return error_text<UserError>(
        [&] { refuse_to_overwrite_foreign(output, "a cake", [&] { return is_product; }); });
  };
  EXPECT_THAT(refusal(path, false), names("corpus.jsonl", "a cake"));
  EXPECT_THAT(refusal(directory.path(), true), names(directory.path().string(), "directory"));
  EXPECT_THAT(refusal("/dev/null", true), names("/dev/null", "regular file"));
  EXPECT_NO_THROW(refuse_to_overwrite_foreign(path, "a cake", [] { return true; }));
  EXPECT_NO_THROW(refuse_to_overwrite_foreign(directory / "new", "a cake", [] { return false; }));
  EXPECT_NO_THROW(
      refuse_to_overwrite_foreign(directory.write("empty", ""), "a cake", [] { return false; }));
}

TEST(OutputGuardTest, what_cannot_be_read_is_no_product) {
  const TemporaryDirectory directory;
  const auto path = directory.write("a", "text");
  EXPECT_THAT(error_text<UserError>([&] {
                refuse_to_overwrite_foreign(path, "a cake",
                                            []() -> bool { throw SystemError("broken"); });
              }),
              names(path.string(), "a cake"));
}

TEST(OutputGuardTest, the_folder_of_an_output_is_made) {
  const TemporaryDirectory directory;
  make_output_folder(directory / "a/b/out.h5");
  EXPECT_TRUE(std::filesystem::is_directory(directory / "a/b"));
  EXPECT_EQ(std::filesystem::status(directory / "a/b").permissions(),
            std::filesystem::perms::owner_all);
  EXPECT_NO_THROW(make_output_folder(directory / "a/b/out.h5"));
  EXPECT_NO_THROW(make_output_folder("out.h5"));
  directory.write("file", "");
  EXPECT_THAT(error_text<UserError>([&] { make_output_folder(directory / "file/out.h5"); }),
              names("out.h5", "directory", "/file:"));
}

}  // namespace
}  // namespace temper
