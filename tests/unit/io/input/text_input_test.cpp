#include "io/input/text_input.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include <vector>

#include "common/error.h"
#include "tests/fixtures/names.h"
#include "tests/unit/error_text.h"
#include "tests/unit/temporary_directory.h"

namespace temper {
namespace {

using testing::ElementsAre;

std::string gzip(const std::string& text) {
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string zstd(const std::string& text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  const size_t size = ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3);
  EXPECT_FALSE(ZSTD_isError(size));
  out.resize(size);
  return out;
}

std::string plain(const std::string& text) {
  return text;
}

std::vector<std::string> lines_of(const std::filesystem::path& path) {
  LineReader reader(path);
  std::vector<std::string> lines;
  for (std::string line; reader.next(line);) {
    lines.push_back(line);
    EXPECT_EQ(reader.line_number(), static_cast<int64_t>(lines.size()));
  }
  std::string line;
  EXPECT_FALSE(reader.next(line));
  return lines;
}

// Many lines of lengths around the buffers' sizes, not compressible away.
std::string long_text() {
  std::string text;
  uint32_t state = 1;
  for (const size_t length : {0, 1, 100, 262143, 262144, 262145, 1000000, 0, 3}) {
    for (size_t i = 0; i < length; ++i) {
      state = state * 1664525 + 1013904223;
      text += static_cast<char>('a' + (state >> 24) % 26);
    }
    text += '\n';
  }
  return text;
}

struct Encoding {
  const char* name;
  std::string (*encode)(const std::string&);
};
class LineReaderTest : public testing::TestWithParam<Encoding> {
 protected:
  std::filesystem::path file(const std::string& text) {
    return directory_.write("input", GetParam().encode(text));
  }
  TemporaryDirectory directory_;
};
INSTANTIATE_TEST_SUITE_P(, LineReaderTest,
                         testing::Values(Encoding{"plain", plain}, Encoding{"gzip", gzip},
                                         Encoding{"zstd", zstd}),
                         [](const auto& encoding) { return encoding.param.name; });

TEST_P(LineReaderTest, gives_lines_without_their_ends) {
  EXPECT_THAT(lines_of(file("a\nb\r\n\n\rc\n")), ElementsAre("a", "b", "", "\rc"));
  EXPECT_THAT(lines_of(file("a\nlast")), ElementsAre("a", "last"));
  EXPECT_THAT(lines_of(file("\n")), ElementsAre(""));
  EXPECT_THAT(lines_of(file("")), ElementsAre());
}

TEST_P(LineReaderTest, leaves_the_byte_order_mark_out) {
  EXPECT_THAT(lines_of(file("\xef\xbb\xbfx\n\xef\xbb\xbfy\n")), ElementsAre("x", "\xef\xbb\xbfy"));
}

TEST_P(LineReaderTest, lines_may_cross_buffers) {
  const std::string text = long_text();
  std::string joined;
  for (const std::string& line : lines_of(file(text))) joined += line + '\n';
  EXPECT_TRUE(joined == text);
}

TEST_P(LineReaderTest, long_line_is_refused_by_number) {
  LineReader reader(file("short\n" + std::string(1000000, 'x') + "\n"), 1000);
  std::string line;
  EXPECT_TRUE(reader.next(line));
  EXPECT_THAT(error_text<UserError>([&] { reader.next(line); }), names("input:2", "1000 bytes"));
  EXPECT_LE(line.capacity(), 10000u);
}

TEST_P(LineReaderTest, exactly_the_limit_is_accepted) {
  const std::string longest(1000, 'x');
  LineReader reader(file(longest + "\n"), 1000);
  std::string line;
  EXPECT_TRUE(reader.next(line));
  EXPECT_EQ(line, longest);
}

TEST_P(LineReaderTest, parts_may_follow_each_other) {
  const std::string two = GetParam().encode("a\nb") + GetParam().encode("c\n");
  EXPECT_THAT(lines_of(directory_.write("input", two)), ElementsAre("a", "bc"));
}

TEST(CompressedInputTest, cut_off_anywhere_is_an_error) {
  const TemporaryDirectory directory;
  const std::string text = long_text();
  for (const auto& encode : {gzip, zstd}) {
    const std::string whole = encode(text);
    for (const size_t size : {size_t{5}, size_t{11}, whole.size() / 2, whole.size() - 1}) {
      const auto path = directory.write("input", whole.substr(0, size));
      EXPECT_THAT(error_text<UserError>([&] { lines_of(path); }),
                  names(path.native(), "cut off", "(after line "))
          << size << " of " << whole.size();
    }
  }
}

TEST(CompressedInputTest, damage_is_an_error) {
  const TemporaryDirectory directory;
  std::string whole = gzip(long_text());
  whole[whole.size() - 8] ^= 1;  // the checksum
  const auto gz = directory.write("input", whole);
  EXPECT_THAT(error_text<UserError>([&] { lines_of(gz); }), names(gz.native(), "gzip", "damaged"));

  whole = zstd(long_text());
  whole[6] ^= 0x55;
  const auto zst = directory.write("input", whole);
  EXPECT_THAT(error_text<UserError>([&] { lines_of(zst); }),
              names(zst.native(), "zstd", "damaged"));

  const auto trailing = directory.write("input", gzip("a\n") + "rubbish");
  EXPECT_THAT(error_text<UserError>([&] { lines_of(trailing); }),
              names(trailing.native(), "damaged"));
}

TEST(LineReaderErrorTest, missing_files_and_directories_are_user_errors) {
  const TemporaryDirectory directory;
  EXPECT_THAT(error_text<UserError>([&] { LineReader(directory / "no"); }),
              names((directory / "no").string(), "No such file"));
  EXPECT_THAT(error_text<UserError>([&] { LineReader(directory.path()); }),
              names(directory.path().string(), "directory"));
}

}  // namespace
}  // namespace temper
