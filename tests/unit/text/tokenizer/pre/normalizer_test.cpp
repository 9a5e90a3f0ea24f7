#include "text/tokenizer/pre/normalizer.h"

#include <gtest/gtest.h>

#include "common/error.h"

namespace temper {
namespace {

AlignedText normalized(const Json& json, const std::string& text, uint32_t origin = 0) {
  AlignedText aligned(text, origin);
  Normalizer::from_json(JsonFields(json, "normalizer"))->normalize(aligned);
  return aligned;
}

TEST(Normalizer, prepend_and_replace_as_llama2_has_them) {
  const Json json = {
      {"type", "Sequence"},
      {"normalizers",
       {{{"type", "Prepend"}, {"prepend", "\u2581"}},
        {{"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", "\u2581"}}}}};
  const AlignedText text = normalized(json, "a b", 10);
  EXPECT_EQ(text.text(), "\u2581a\u2581b");
  const auto range = [&](size_t begin, size_t end) {
    const ByteRange r = text.original_range(begin, end);
    return std::pair(r.begin, r.end);
  };
  EXPECT_EQ(range(0, 3), std::pair(10u, 11u));  // the mark in front stands for the first letter
  EXPECT_EQ(range(3, 4), std::pair(10u, 11u));
  EXPECT_EQ(range(4, 8), std::pair(11u, 13u));
  EXPECT_EQ(normalized(json, "").text(), "");
}

TEST(Normalizer, composed_characters_stand_for_all_of_their_parts) {
  const AlignedText text = normalized({{"type", "NFC"}}, "xe\u0301y");
  EXPECT_EQ(text.text(), "x\u00e9y");
  EXPECT_EQ(text.original_range(1, 3).begin, 1u);
  EXPECT_EQ(text.original_range(3, 4).begin, 4u);
}

TEST(Normalizer, strip) {
  const auto strip = [](bool left, bool right, const char* text) {
    return normalized({{"type", "Strip"}, {"strip_left", left}, {"strip_right", right}}, text);
  };
  EXPECT_EQ(strip(true, true, " \u00a0a b\n ").text(), "a b");
  EXPECT_EQ(strip(true, false, " a ").text(), "a ");
  EXPECT_EQ(strip(false, true, " a ").text(), " a");
  EXPECT_EQ(strip(true, true, "  ").text(), "");
  EXPECT_EQ(strip(true, true, "  a").original_range(0, 1).begin, 2u);
}

TEST(Normalizer, replace_by_a_regular_expression) {
  const Json json = {{"type", "Replace"}, {"pattern", {{"Regex", "\\s+"}}}, {"content", "_"}};
  EXPECT_EQ(normalized(json, " a \t b").text(), "_a_b");
}

TEST(Normalizer, lower_case) {
  EXPECT_EQ(normalized({{"type", "Lowercase"}}, "ABC\u00c9").text(), "abc\u00e9");
}

TEST(Normalizer, unknown_types_are_refused_by_name) {
  for (const char* type : {"Precompiled", "BertNormalizer", "StripAccents", "Nmt"}) {
    try {
      Normalizer::from_json(JsonFields(Json{{"type", type}}, "tokenizer.json.normalizer"));
      FAIL() << type;
    } catch (const UserError& error) {
      EXPECT_NE(std::string(error.what()).find(type), std::string::npos);
      EXPECT_NE(std::string(error.what()).find("tokenizer.json.normalizer"), std::string::npos);
    }
  }
}

}  // namespace
}  // namespace temper
