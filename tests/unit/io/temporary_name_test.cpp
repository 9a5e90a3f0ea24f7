#include "io/temporary_name.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>

#include "common/error.h"
#include "io/atomic_file.h"
#include "tests/fixtures/names.h"
#include "tests/unit/error_text.h"
#include "tests/unit/temporary_directory.h"

namespace temper {
namespace {

namespace fs = std::filesystem;

std::string next_name(const fs::path& path) {
  return make_temporary(path, "partial", [](const fs::path&) { return true; }).filename();
}

// What another container's process of this number, on a host of this name, is writing, and a link
// that somebody put there.
TEST(TemporaryNameTest, names_that_are_taken_stay_as_they_are) {
  const TemporaryDirectory directory;
  const fs::path path = directory / "a";
  const fs::path victim = directory.write("victim", "untouched");
  const std::string now = next_name(path);
  const size_t dash = now.rfind('-'), dot = now.rfind('.');
  const int number = std::stoi(now.substr(dash + 1, dot - dash - 1));
  const auto name_of = [&](int later) {
    return now.substr(0, dash + 1) + std::to_string(number + later) + ".partial";
  };
  directory.write(name_of(1), "another's");
  fs::create_symlink(victim, directory / name_of(2));
  fs::create_directory(directory / name_of(3));

  write_file_atomically(path, "mine");
  EXPECT_EQ(read_file(path), "mine");
  EXPECT_EQ(read_file(directory / name_of(1)), "another's");
  EXPECT_EQ(read_file(victim), "untouched");
  EXPECT_TRUE(fs::is_symlink(directory / name_of(2)));
  EXPECT_TRUE(fs::is_directory(directory / name_of(3)));
}

TEST(TemporaryNameTest, says_who_writes) {
  EXPECT_THAT(
      next_name("out/a"),
      testing::MatchesRegex("a\\.[A-Za-z0-9]+-" + std::to_string(getpid()) + "-[0-9]+\\.partial"));
  EXPECT_NE(next_name("a"), next_name("a"));
}

TEST(TemporaryNameTest, what_cannot_be_made_is_a_system_error) {
  EXPECT_THAT(error_text<SystemError>([] {
                make_temporary("a", "partial", [](const fs::path&) {
                  errno = ENOSPC;
                  return false;
                });
              }),
              names(" a.", ".partial", "No space left"));
}

TEST(TemporaryNameTest, is_recognised) {
  EXPECT_EQ(name_being_written(next_name("run.json")), "run.json");
  EXPECT_EQ(name_being_written("run.json.node7-4711-0.partial"), "run.json");
  EXPECT_EQ(name_being_written("latest.4711.partial"), "latest");  // of earlier versions
  for (const char* other :
       {"run.json", "run.json.partial", "run.json.x.partial", "run.json.4711", ".4711.partial",
        ".node7-4711-0.partial", "run.json.node7-4711.partial", "run.json.node7--0.partial",
        "run.json.-4711-0.partial", "run.json.no.de-4711-x.partial", "step-3.a-b-1x.partial"}) {
    EXPECT_EQ(name_being_written(other), std::nullopt) << other;
  }
}

}  // namespace
}  // namespace temper
