#include "text/unicode/unicode.h"

#include <gtest/gtest.h>

#include <string>

#include "text/unicode/utf8.h"

namespace temper {
namespace {

std::string normalized(const std::string& text, NormalForm form) {
  std::string out;
  for (const CharacterEdit& edit : normalize_edits(text, form)) append_utf8(out, edit.character);
  return out;
}

TEST(Unicode, normal_forms) {
  // e + acute, ANGSTROM SIGN, Hangul syllable of two jamo, ligature fi, a with two marks in the
  // wrong order.
  const std::string text = "e\u0301 \u212b \u1100\u1161 \ufb01 a\u0301\u0323";
  EXPECT_EQ(normalized(text, NormalForm::kC), "\u00e9 \u00c5 \uac00 \ufb01 \u1ea1\u0301");
  EXPECT_EQ(normalized(text, NormalForm::kKC), "\u00e9 \u00c5 \uac00 fi \u1ea1\u0301");
  EXPECT_EQ(normalized("\u00e9\u212b\uac00\ufb01", NormalForm::kD),
            "e\u0301A\u030a\u1100\u1161\ufb01");
  EXPECT_EQ(normalized("\u00bd\ufb01", NormalForm::kKD), "1\u20442fi");
}

// U+0310 has the class of the acute behind it and keeps it from the letter; U+0323 has a lower one.
TEST(Unicode, a_mark_of_the_same_class_blocks_composition) {
  EXPECT_EQ(normalized("a\u0310\u0301", NormalForm::kC), "a\u0310\u0301");
  EXPECT_EQ(normalized("q\u0323a\u0327\u0301", NormalForm::kC), "q\u0323\u00e1\u0327");
}

TEST(Unicode, edits_use_up_the_old_characters) {
  const std::string text = "e\u0301\u212bx";
  for (const NormalForm form : {NormalForm::kC, NormalForm::kD}) {
    int consumed = 0;
    for (const CharacterEdit& edit : normalize_edits(text, form)) consumed += 1 - edit.change;
    EXPECT_EQ(consumed, 4);
  }
}

// The quick answer must be right whenever it is yes: for every character alone and before a mark,
// a jamo and a vowel sign that may join it.
TEST(Unicode, certainly_normal_text_does_not_change) {
  for (char32_t c = 0; c < 0x20000; ++c) {
    if (c >= 0xD800 && c < 0xE000) continue;
    std::string text;
    append_utf8(text, c);
    if (!is_certainly_normal(text, NormalForm::kC)) continue;
    ASSERT_EQ(normalized(text, NormalForm::kC), text) << static_cast<uint32_t>(c);
    for (const char* before : {"a", "\u1100", "\uac00", "\u09c7", "\u304b"}) {
      ASSERT_EQ(normalized(before + text, NormalForm::kC), before + text)
          << static_cast<uint32_t>(c);
    }
  }
}

TEST(Unicode, certainly_normal_is_said_of_common_text) {
  EXPECT_TRUE(is_certainly_normal("plain", NormalForm::kD));
  EXPECT_TRUE(is_certainly_normal("na\u00efve \u2013 \u201cx\u201d \u65e5\u672c", NormalForm::kC));
  EXPECT_FALSE(is_certainly_normal("e\u0301", NormalForm::kC));
  EXPECT_FALSE(is_certainly_normal("\u212b", NormalForm::kC));
}

// U+08CA is a combining mark since Unicode 14; Hugging Face's tables do not know it.
TEST(Unicode, later_marks_stay_where_they_are) {
  EXPECT_EQ(normalized("a\u08ca\u0323", NormalForm::kC), "a\u08ca\u0323");
}

TEST(Unicode, properties) {
  for (char32_t c : {U' ', U'\n', U'\u00a0', U'\u2003', U'\u3000', U'\u0085'}) {
    EXPECT_TRUE(is_white_space(c));
  }
  for (char32_t c : {U'x', U'\u200b', U'\u180e', U'\ufeff', U'\x1c'})
    EXPECT_FALSE(is_white_space(c));
  for (char32_t c : {U'1', U'\u00bd', U'\u0663', U'\u216b'}) EXPECT_TRUE(is_numeric(c));
  EXPECT_FALSE(is_numeric(U'\u4e00'));
  for (char32_t c : {U'!', U'$', U'`', U'\u00a1', U'\u3001'}) EXPECT_TRUE(is_punctuation(c));
  for (char32_t c : {U'a', U'\u20ac', U' '}) EXPECT_FALSE(is_punctuation(c));
  for (char32_t c : {U'a', U'_', U'7', U'\u00e9', U'\u0301', U'\u200d', U'\u24b6'}) {
    EXPECT_TRUE(is_word_character(c));
  }
  for (char32_t c : {U'-', U' ', U'\u00bd', U'\u20ac'}) EXPECT_FALSE(is_word_character(c));
}

TEST(Unicode, lower_case) {
  std::string out;
  for (const auto& edit : lowercase_edits("A\u00c9\u0130\u03a3")) append_utf8(out, edit.character);
  EXPECT_EQ(out, "a\u00e9i\u0307\u03c3");
}

}  // namespace
}  // namespace temper
