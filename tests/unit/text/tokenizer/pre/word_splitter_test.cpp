#include "text/tokenizer/pre/word_splitter.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "text/tokenizer/pre/regex.h"
#include "text/unicode/utf8.h"

namespace temper {
namespace {

const std::string kLlama3 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
const std::string kQwen =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
const std::string kO200k =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
const std::string kTekken =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

// Few characters of each kind, so that all their sequences come up.
std::string random_text(std::mt19937_64& random) {
  static const std::vector<std::string> pieces = {
      " ",      " ",      "  ", "\n",         "\r",     "\t",      "\u00a0",     "\u2028",
      "\u0085", "a",      "b",  "Z",          "Q",      "\u01c5",  "\u02b0",     "\u6f22",
      "\u0301", "\u0903", "1",  "23",         "4",      "\u00bd",  "\u0663",     "\u2167",
      "'",      "'s",     "'S", "'ll",        "'RE",    "'\u017f", "'v",         ".",
      "/",      "//",     "-",  "\U0001F600", "\u200d", "\u0378",  "\U0002ED66", "m"};
  std::string text;
  for (size_t left = random() % 14; left > 0; --left) text += pieces[random() % pieces.size()];
  if (random() % 4 == 0) {
    char32_t c = static_cast<char32_t>(random() % 0x110000);
    if (c >= 0xD800 && c < 0xE000) c = 0xFFFD;
    append_utf8(text, c);
    text += pieces[random() % pieces.size()];
  }
  return text;
}

class WordSplitterTest : public testing::TestWithParam<std::string> {};

TEST_P(WordSplitterTest, cuts_as_the_expression_does) {
  const std::string& expression = GetParam().empty() ? std::string(kGpt2Expression) : GetParam();
  const WordEnd word_end = find_word_splitter(expression);
  ASSERT_NE(word_end, nullptr);
  const Regex regex(expression, "test");
  std::mt19937_64 random(7);
  for (int i = 0; i < 20000; ++i) {
    const std::string text = random_text(random);
    std::vector<TextPart> parts;
    regex.find_parts(text, parts);
    size_t begin = 0;
    for (const TextPart& part : parts) {
      ASSERT_TRUE(part.is_match);
      ASSERT_EQ(part.begin, begin) << testing::PrintToString(text);
      begin = word_end(text, begin);
      ASSERT_EQ(part.end, begin) << testing::PrintToString(text) << " at " << part.begin;
    }
    ASSERT_EQ(begin, text.size());
  }
}

INSTANTIATE_TEST_SUITE_P(Expressions, WordSplitterTest,
                         testing::Values("", kLlama3, kQwen, kO200k, kTekken,
                                         std::string(kCl100kExpression)));

TEST(WordSplitter, an_unknown_expression_has_none) {
  EXPECT_EQ(find_word_splitter(kLlama3 + "|x"), nullptr);
  EXPECT_EQ(find_word_splitter(""), nullptr);
}

}  // namespace
}  // namespace temper
