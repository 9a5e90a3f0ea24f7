#include "io/direct_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstring>

#include "common/error.h"
#include "tests/fixtures/names.h"
#include "tests/unit/error_text.h"
#include "tests/unit/temporary_directory.h"

namespace temper {
namespace {

// Bytes that differ from their neighbours.
void number(const AlignedBuffer& buffer) {
  for (size_t i = 0; i < buffer.size(); ++i) {
    buffer.data()[i] = static_cast<std::byte>((i * 7 + i / 251) & 0xff);
  }
}

void write_in_blocks(const std::filesystem::path& path, const AlignedBuffer& buffer, size_t size,
                     size_t block) {
  DirectFile file(path);
  for (size_t at = 0; at < size; at += block) {
    file.write(at, buffer.data() + at, std::min(block, size - at));
  }
  file.finish(size);
}

TEST(AlignedBufferTest, is_aligned_and_zero) {
  const AlignedBuffer buffer(kDirectAlignment + 1);
  EXPECT_EQ(buffer.size(), 2 * kDirectAlignment);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(buffer.data()) % kDirectAlignment, 0u);
  for (size_t i = 0; i < buffer.size(); ++i) ASSERT_EQ(buffer.data()[i], std::byte{0});
  buffer.data()[kDirectAlignment] = std::byte{1};
  buffer.touch();
  EXPECT_EQ(buffer.data()[kDirectAlignment], std::byte{0});
  EXPECT_EQ(AlignedBuffer(0).size(), 0u);
}

TEST(DirectFileTest, has_exactly_the_bytes_whatever_its_size) {
  const TemporaryDirectory directory;
  for (const size_t size : {size_t{1}, kDirectAlignment - 1, kDirectAlignment, kDirectAlignment + 1,
                            5 * kDirectAlignment + 77}) {
    const AlignedBuffer buffer(size);
    number(buffer);
    const auto path = directory / "file";
    write_in_blocks(path, buffer, size, 2 * kDirectAlignment);
    const std::string content = read_file(path);
    ASSERT_EQ(content.size(), size);
    EXPECT_EQ(std::memcmp(content.data(), buffer.data(), size), 0);
    struct stat info {};
    ASSERT_EQ(stat(path.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0600u);
  }
}

TEST(DirectFileTest, replaces_what_a_failed_try_has_left) {
  const TemporaryDirectory directory;
  const auto path = directory.write("file", std::string(100000, 'x'));
  const AlignedBuffer buffer(10);
  number(buffer);
  write_in_blocks(path, buffer, 10, kDirectAlignment);
  EXPECT_EQ(read_file(path).size(), 10u);
}

TEST(DirectFileTest, goes_through_the_page_cache_where_direct_writing_is_refused) {
  // /dev/shm is a tmpfs; where that knows O_DIRECT this is the test above again.
  const auto path =
      std::filesystem::path("/dev/shm") / fmt::format("temper-direct-file-{}", getpid());
  const AlignedBuffer buffer(3 * kDirectAlignment + 5);
  number(buffer);
  write_in_blocks(path, buffer, 3 * kDirectAlignment + 5, kDirectAlignment);
  const std::string content = read_file(path);
  std::filesystem::remove(path);
  EXPECT_EQ(std::memcmp(content.data(), buffer.data(), content.size()), 0);
  EXPECT_EQ(content.size(), 3 * kDirectAlignment + 5);
}

TEST(DirectFileTest, missing_directory_is_named) {
  const TemporaryDirectory directory;
  EXPECT_THAT(error_text<SystemError>([&] { DirectFile file(directory / "no/file"); }),
              names("no/file", "No such file"));
}

}  // namespace
}  // namespace temper
