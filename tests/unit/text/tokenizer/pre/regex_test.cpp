#include "text/tokenizer/pre/regex.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/error.h"
#include "tests/fixtures/names.h"
#include "text/tokenizer/pre/oniguruma_syntax.h"

namespace temper {
namespace {

using testing::ElementsAre;

// The parts of the text, matches in angle brackets.
std::vector<std::string> parts_of(const std::string& pattern, const std::string& text) {
  std::vector<TextPart> parts;
  Regex(pattern, "pattern").find_parts(text, parts);
  std::vector<std::string> texts;
  for (const TextPart& part : parts) {
    const std::string part_text = text.substr(part.begin, part.end - part.begin);
    texts.push_back(part.is_match ? "<" + part_text + ">" : part_text);
  }
  return texts;
}

TEST(Regex, parts_cover_the_text) {
  EXPECT_THAT(parts_of("\\d+", "a12b3"), ElementsAre("a", "<12>", "b", "<3>"));
  EXPECT_THAT(parts_of("x", "ab"), ElementsAre("ab"));
  EXPECT_THAT(parts_of("\\p{L}+", "\u00e9t\u00e9 1"), ElementsAre("<\u00e9t\u00e9>", " 1"));
}

TEST(Regex, an_empty_match_right_behind_a_match_does_not_count) {
  EXPECT_THAT(parts_of("x*", "axx\u00e9"), ElementsAre("<>", "a", "<xx>", "\u00e9", "<>"));
}

TEST(Regex, classes_are_those_of_oniguruma) {
  EXPECT_THAT(parts_of("\\s", "\u180e\u3000"), ElementsAre("\u180e", "<\u3000>"));
  // Oniguruma's fractions and superscript digits are word characters, but not inside brackets.
  EXPECT_THAT(parts_of("[\\w]+", "a\u00bdb"), ElementsAre("<a>", "\u00bd", "<b>"));
  EXPECT_THAT(parts_of("[^\\w]+", "a\u00b2b"), ElementsAre("a", "<\u00b2>", "b"));
  EXPECT_THAT(parts_of("\\W+", "a\u00b2-b"), ElementsAre("a\u00b2", "<->", "b"));
  EXPECT_THAT(parts_of("\\w+", "a\u0301\u00bd-\u24b6\u200d"),
              ElementsAre("<a\u0301\u00bd>", "-", "<\u24b6>", "\u200d"));
  EXPECT_THAT(parts_of("\\h+", "xfF9 g"), ElementsAre("x", "<fF9>", " g"));
  EXPECT_THAT(parts_of("[^\\S\\n]+", "a \t\nb"), ElementsAre("a", "< \t>", "\nb"));
  EXPECT_THAT(parts_of("\\bt", "tat t\u0301t"), ElementsAre("<t>", "at ", "<t>", "\u0301t"));
}

TEST(Regex, lines_and_dots_are_those_of_oniguruma) {
  EXPECT_THAT(parts_of("^.", "ab\ncd"), ElementsAre("<a>", "b\n", "<c>", "d"));
  EXPECT_THAT(parts_of(".+", "ab\ncd"), ElementsAre("<ab>", "\n", "<cd>"));
  EXPECT_THAT(parts_of("(?m:.+)", "ab\ncd"), ElementsAre("<ab\ncd>"));
  EXPECT_THAT(parts_of("(?i:LL)", "ll"), ElementsAre("<ll>"));
}

TEST(Regex, nested_classes_are_unions) {
  EXPECT_THAT(parts_of("[^(\\s|[.,])]+", "ab,(c d"), ElementsAre("<ab>", ",(", "<c>", " ", "<d>"));
}

TEST(Regex, general_categories_are_our_own_whatever_version_of_unicode_pcre2_has) {
  // Of Unicode 15 and 16: letters to Hugging Face.
  EXPECT_THAT(parts_of("\\p{L}+", "-\U0002ED66\u1c89-"),
              ElementsAre("-", "<\U0002ED66\u1c89>", "-"));
  EXPECT_THAT(parts_of("[\\W]", "a-b"), ElementsAre("a", "<->", "b"));
  EXPECT_THAT(parts_of("[^\\P{Lt}x]", "a\u01c5x"), ElementsAre("a", "<\u01c5>", "x"));
  EXPECT_THAT(parts_of("\\d+", "a1\u0663\u00b2"), ElementsAre("a", "<1\u0663>", "\u00b2"));
}

TEST(Regex, what_would_mean_something_else_is_refused) {
  for (const char* pattern :
       {"[a-z&&[^b]]", "[a[^b]]", "[[:alpha:]]", "a{1,2}+", "\\R", "\\K", "\\X", "(?P<n>a)",
        "\\p{Emoji}", "[a", "(a", "\\", "(?~a)", "\\u12"}) {
    EXPECT_THROW(Regex(pattern, "tokenizer.json.pattern"), UserError) << pattern;
  }
  try {
    Regex("ab\\R", "tokenizer.json.pattern");
  } catch (const UserError& error) {
    EXPECT_THAT(error.what(), names("tokenizer.json.pattern", "\\R", "character 3"));
  }
}

TEST(Regex, braces_that_are_no_quantifier_may_have_a_plus) {
  EXPECT_THAT(parts_of("\\x{61}+\\p{N}+", "aa12"), ElementsAre("<aa12>"));
}

TEST(Regex, an_expression_that_explodes_is_stopped) {
  const Regex regex("(a+)+$", "pattern");
  std::vector<TextPart> parts;
  EXPECT_THROW(regex.find_parts(std::string(2000, 'a') + "b", parts), UserError);
}

}  // namespace
}  // namespace temper
