#include "text/unicode/utf8.h"

#include <gtest/gtest.h>

#include <string>

namespace temper {
namespace {

TEST(Utf8, walks_forth_and_back) {
  const std::string text = "a\u00e9\u20ac\U0001F389";
  const std::u32string expected = U"a\u00e9\u20ac\U0001F389";
  std::u32string forth, back;
  for (size_t i = 0; i < text.size();) forth += next_code_point(text, i);
  for (size_t i = text.size(); i > 0;) back += previous_code_point(text, i);
  EXPECT_EQ(forth, expected);
  EXPECT_EQ(back, std::u32string(expected.rbegin(), expected.rend()));
  std::string again;
  for (char32_t c : expected) append_utf8(again, c);
  EXPECT_EQ(again, text);
  EXPECT_EQ(count_code_points(text), 4u);
}

// What Python 3's bytes.decode("utf-8", errors="replace") gives.
TEST(Utf8, replaces_what_is_not_valid_as_python_does) {
  const std::pair<std::string, std::string> cases[] = {
      {"plain", "plain"},
      {"\xff", "\uFFFD"},
      {"a\xc3", "a\uFFFD"},
      {"\xc0\x80", "\uFFFD\uFFFD"},
      {"\xe2\x82(", "\uFFFD("},
      {"\xed\xa0\x80", "\uFFFD\uFFFD\uFFFD"},
      {"\xf0\x9f\x8e", "\uFFFD"},
      {"\xf4\x90\x80\x80", "\uFFFD\uFFFD\uFFFD\uFFFD"},
      {"\xf0\x9f\x8e\x89\x80x", "\U0001F389\uFFFDx"},
      {std::string("\xe0\x9f\0", 3), std::string("\uFFFD\uFFFD\0", 7)},
  };
  for (const auto& [bytes, expected] : cases) {
    EXPECT_EQ(replace_invalid_utf8(bytes), expected);
    EXPECT_EQ(is_valid_utf8(bytes), bytes == expected);
    EXPECT_TRUE(is_valid_utf8(replace_invalid_utf8(bytes)));
  }
}

TEST(Utf8, ascii_is_found_out_at_every_length) {
  for (size_t length = 0; length < 20; ++length) {
    std::string text(length, 'x');
    EXPECT_TRUE(is_ascii(text));
    for (size_t i = 0; i < length; ++i) {
      text[i] = '\x80';
      EXPECT_FALSE(is_ascii(text)) << length << " " << i;
      text[i] = 'x';
    }
  }
}

}  // namespace
}  // namespace temper
