#include "io/atomic_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <csignal>

#include <optional>

#include "common/error.h"
#include "tests/fixtures/names.h"
#include "tests/unit/error_text.h"
#include "tests/unit/temporary_directory.h"

namespace temper {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

mode_t mode_of(const fs::path& path) {
  struct stat info {};
  EXPECT_EQ(stat(path.c_str(), &info), 0) << path;
  return info.st_mode & 0777;
}

// Writes beyond `bytes` fail with "File too large", like those on a full disk fail.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limited{bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limited);
  }
  ~FileSizeLimit() { setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_{};
};

TEST(AtomicFileTest, appears_whole_and_private_on_commit) {
  const TemporaryDirectory directory;
  const fs::path path = directory / "a.json";
  AtomicFile file(path);
  file.append("hello ");
  file.append("world");
  EXPECT_FALSE(fs::exists(path));
  file.commit();
  EXPECT_EQ(read_file(path), "hello world");
  EXPECT_EQ(mode_of(path), 0600u);
  EXPECT_EQ(directory.num_entries(), 1u);
}

TEST(AtomicFileTest, abandoned_one_leaves_nothing_and_keeps_the_older) {
  const TemporaryDirectory directory;
  const fs::path path = directory.write("a", "old");
  {
    AtomicFile file(path);
    file.append("new");
  }
  EXPECT_EQ(read_file(path), "old");
  EXPECT_EQ(directory.num_entries(), 1u);
}

TEST(AtomicFileTest, moved_one_is_owned_once) {
  const TemporaryDirectory directory;
  std::optional<AtomicFile> kept;
  {
    AtomicFile file(directory / "a");
    file.append("x");
    kept.emplace(std::move(file));
  }
  kept->append("y");
  kept->commit();
  EXPECT_EQ(read_file(directory / "a"), "xy");
}

TEST(AtomicFileTest, write_at_counts_the_highest_byte) {
  const TemporaryDirectory directory;
  AtomicFile file(directory / "a");
  file.write_at(4, "cd", 2);
  EXPECT_EQ(file.size(), 6u);
  file.write_at(0, "ab", 2);
  EXPECT_EQ(file.size(), 6u);
  file.append("e");
  file.commit();
  EXPECT_EQ(read_file(directory / "a"), std::string("ab\0\0cde", 7));
}

TEST(AtomicFileTest, failing_write_names_the_file_and_keeps_the_older) {
  const TemporaryDirectory directory;
  const fs::path path = directory.write("a", "old");
  const FileSizeLimit limit(4096);
  const std::string large(10000, 'x');
  const std::string text = error_text<SystemError>([&] { write_file_atomically(path, large); });
  EXPECT_THAT(text, names(path.native(), "File too large"));
  EXPECT_EQ(read_file(path), "old");
  EXPECT_EQ(directory.num_entries(), 1u);
}

TEST(AtomicFileTest, missing_directory_is_a_system_error) {
  const TemporaryDirectory directory;
  EXPECT_THAT(error_text<SystemError>([&] { AtomicFile(directory / "no/a"); }),
              names("no/a", "No such file"));
}

TEST(AtomicFileTest, two_at_once_do_not_meet) {
  const TemporaryDirectory directory;
  AtomicFile first(directory / "a"), second(directory / "a");
  first.append("1");
  second.append("22");
  first.commit();
  EXPECT_EQ(read_file(directory / "a"), "1");
  second.commit();
  EXPECT_EQ(read_file(directory / "a"), "22");
  EXPECT_EQ(directory.num_entries(), 1u);
}

TEST(ReadFileTest, reads_up_to_the_limit) {
  const TemporaryDirectory directory;
  const fs::path path = directory.write("a", "12345");
  EXPECT_EQ(read_file(path, 5), "12345");
  EXPECT_THAT(error_text<UserError>([&] { read_file(path, 4); }), names(path.native(), "4 bytes"));
  EXPECT_EQ(read_file(directory.write("empty", ""), 0), "");
}

TEST(ReadFileTest, reads_files_that_do_not_know_their_size) {
  EXPECT_THAT(read_file("/proc/self/status"), HasSubstr("VmHWM"));
  EXPECT_THAT(error_text<UserError>([&] { read_file("/dev/zero", 1 << 20); }),
              names("/dev/zero", "1048576 bytes"));
}

TEST(ReadFileTest, missing_files_and_directories_are_user_errors) {
  const TemporaryDirectory directory;
  EXPECT_THAT(error_text<UserError>([&] { read_file(directory / "no"); }),
              names((directory / "no").string(), "No such file"));
  EXPECT_THAT(error_text<UserError>([&] { read_file(directory.path()); }),
              names(directory.path().string(), "directory"));
}

TEST(ReadFullyTest, short_file_is_a_system_error_that_says_where) {
  const TemporaryDirectory directory;
  AtomicFile file(directory / "a");
  file.append("12345");
  char bytes[4] = {};
  read_fully(file.fd(), 1, bytes, 4, "a");
  EXPECT_EQ(std::string(bytes, 4), "2345");
  EXPECT_THAT(error_text<SystemError>([&] { read_fully(file.fd(), 2, bytes, 4, "a"); }),
              names("a ", "byte 5", "1 bytes"));
}

TEST(MakeDirectoriesTest, makes_parents_private_and_accepts_what_exists) {
  const TemporaryDirectory directory;
  make_directories(directory / "a/b/c/");
  make_directories(directory / "a/b/c");
  for (const char* name : {"a", "a/b", "a/b/c"}) EXPECT_EQ(mode_of(directory / name), 0700u);
  directory.write("file", "");
  EXPECT_THROW(make_directories(directory / "file/b"), SystemError);
  EXPECT_THROW(make_directories(directory / "file"), SystemError);
}

TEST(AtomicDirectoryTest, appears_whole_and_private_on_commit) {
  const TemporaryDirectory directory;
  AtomicDirectory output(directory / "out/");
  write_file_atomically(output.partial_path() / "a", "x");
  fs::create_directory(output.partial_path() / "sub");
  write_file_atomically(output.partial_path() / "sub" / "b", "y");
  EXPECT_FALSE(fs::exists(directory / "out"));
  output.commit();
  EXPECT_EQ(read_file(directory / "out/sub/b"), "y");
  EXPECT_EQ(mode_of(directory / "out"), 0700u);
  EXPECT_EQ(directory.num_entries(), 1u);
}

TEST(AtomicDirectoryTest, abandoned_one_leaves_nothing) {
  const TemporaryDirectory directory;
  {
    const AtomicDirectory output(directory / "new/out");
    write_file_atomically(output.partial_path() / "a", "x");
  }
  EXPECT_TRUE(fs::is_empty(directory / "new"));
}

TEST(AtomicDirectoryTest, replaces_an_older_one_whole) {
  const TemporaryDirectory directory;
  fs::create_directory(directory / "out");
  directory.write("out/stale", "old");
  AtomicDirectory output(directory / "out");
  write_file_atomically(output.partial_path() / "a", "new");
  EXPECT_EQ(read_file(directory / "out/stale"), "old");
  output.commit();
  EXPECT_FALSE(fs::exists(directory / "out/stale"));
  EXPECT_EQ(read_file(directory / "out/a"), "new");
  EXPECT_EQ(directory.num_entries(), 1u);
}

TEST(AtomicDirectoryTest, two_at_once_do_not_meet) {
  const TemporaryDirectory directory;
  AtomicDirectory first(directory / "out"), second(directory / "out");
  write_file_atomically(first.partial_path() / "a", "1");
  write_file_atomically(second.partial_path() / "b", "2");
  first.commit();
  EXPECT_TRUE(fs::exists(directory / "out/a"));
  second.commit();
  EXPECT_EQ(read_file(directory / "out/b"), "2");
  EXPECT_FALSE(fs::exists(directory / "out/a"));
  EXPECT_EQ(directory.num_entries(), 1u);
}

TEST(AtomicDirectoryTest, refuses_to_replace_a_file) {
  const TemporaryDirectory directory;
  const fs::path path = directory.write("out", "precious");
  EXPECT_THAT(error_text<UserError>([&] { AtomicDirectory{path}; }),
              names(path.native(), "directory"));
  EXPECT_EQ(read_file(path), "precious");
}

TEST(RenameDurablyTest, failure_names_both) {
  const TemporaryDirectory directory;
  EXPECT_THAT(
      error_text<SystemError>([&] { rename_durably(directory / "no", directory / "other"); }),
      names((directory / "no").string(), (directory / "other").string(), "No such file"));
}

TEST(AtomicDirectoryTest, working_directory_is_not_replaced) {
  const TemporaryDirectory directory;
  const fs::path before = fs::current_path();
  fs::create_directory(directory / "sub");
  fs::current_path(directory / "sub");
  for (const fs::path& path : {fs::path("."), fs::path("./"), fs::path("../sub"), directory / "sub",
                               directory / "sub/../sub/."}) {
    EXPECT_THAT(error_text<UserError>([&] { AtomicDirectory made(path); }),
                names("sub", "working directory"))
        << path;
  }
  fs::current_path(before);
  EXPECT_EQ(directory.num_entries(), 1u);
  fs::create_directory(directory / "other");
  AtomicDirectory other(directory / "sub/../other/.");
  other.commit();
  EXPECT_EQ(directory.num_entries(), 2u);
}

}  // namespace
}  // namespace temper
