#include "text/tokenizer/pre/pre_tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/error.h"

namespace temper {
namespace {

using testing::ElementsAre;

std::vector<std::string> words_of(const Json& json, const std::string& text) {
  SplitText split;
  split.add_chunk(AlignedText(text, 0), split.pieces);
  PreTokenizer::from_json(JsonFields(json, "pre_tokenizer"))->split(split);
  std::vector<std::string> words;
  for (const auto& piece : split.pieces) words.emplace_back(split.text(piece));
  return words;
}

Json split_json(const char* behavior, bool invert = false) {
  return {{"type", "Split"},
          {"pattern", {{"String", "-"}}},
          {"behavior", behavior},
          {"invert", invert}};
}

TEST(PreTokenizer, split_behaviours) {
  const std::string text = "the-final--countdown";
  EXPECT_THAT(words_of(split_json("Removed"), text), ElementsAre("the", "final", "countdown"));
  EXPECT_THAT(words_of(split_json("Isolated"), text),
              ElementsAre("the", "-", "final", "-", "-", "countdown"));
  EXPECT_THAT(words_of(split_json("MergedWithPrevious"), text),
              ElementsAre("the-", "final-", "-", "countdown"));
  EXPECT_THAT(words_of(split_json("MergedWithNext"), text),
              ElementsAre("the", "-final", "-", "-countdown"));
  EXPECT_THAT(words_of(split_json("Contiguous"), text),
              ElementsAre("the", "-", "final", "--", "countdown"));
  EXPECT_THAT(words_of(split_json("Removed", true), text), ElementsAre("-", "-", "-"));
  EXPECT_THAT(words_of(split_json("MergedWithPrevious"), "-a-"), ElementsAre("-", "a-"));
  EXPECT_THAT(words_of(split_json("MergedWithNext"), "-a-"), ElementsAre("-a", "-"));
}

Json byte_level(bool prefix, bool use_regex) {
  return {{"type", "ByteLevel"}, {"add_prefix_space", prefix}, {"use_regex", use_regex}};
}

TEST(PreTokenizer, byte_level) {
  EXPECT_THAT(words_of(byte_level(false, true), "Hello there   d\u00e9j\u00e0's"),
              ElementsAre("Hello", "\u0120there", "\u0120\u0120",
                          "\u0120d\u00c3\u00a9j\u00c3\u0142", "'s"));
  EXPECT_THAT(words_of(byte_level(true, false), "a b\n"), ElementsAre("\u0120a\u0120b\u010a"));
  EXPECT_THAT(words_of(byte_level(true, false), " a"), ElementsAre("\u0120a"));
}

Json metaspace(const char* scheme, bool split) {
  return {{"type", "Metaspace"},
          {"replacement", "\u2581"},
          {"prepend_scheme", scheme},
          {"split", split}};
}

TEST(PreTokenizer, metaspace) {
  EXPECT_THAT(words_of(metaspace("always", true), "a  bc"),
              ElementsAre("\u2581a", "\u2581", "\u2581bc"));
  EXPECT_THAT(words_of(metaspace("never", true), "a b"), ElementsAre("a", "\u2581b"));
  EXPECT_THAT(words_of(metaspace("first", false), "a b"), ElementsAre("\u2581a\u2581b"));
  EXPECT_THAT(words_of(metaspace("always", false), " a"), ElementsAre("\u2581a"));
}

TEST(PreTokenizer, digits_whitespace_and_punctuation) {
  const Json together = {{"type", "Digits"}, {"individual_digits", false}};
  const Json single = {{"type", "Digits"}, {"individual_digits", true}};
  EXPECT_THAT(words_of(together, "a12b3"), ElementsAre("a", "12", "b", "3"));
  EXPECT_THAT(words_of(single, "a12"), ElementsAre("a", "1", "2"));
  EXPECT_THAT(words_of({{"type", "Whitespace"}}, " ab, c_d!? "),
              ElementsAre("ab", ",", "c_d", "!?"));
  EXPECT_THAT(words_of({{"type", "Punctuation"}}, "a,!b"), ElementsAre("a", ",", "!", "b"));
}

TEST(PreTokenizer, a_sequence_goes_on_cutting) {
  const Json json = {
      {"type", "Sequence"},
      {"pretokenizers",
       {{{"type", "Whitespace"}}, split_json("Isolated"), byte_level(false, false)}}};
  EXPECT_THAT(words_of(json, "a_b \u00e9-c"), ElementsAre("a_b", "\u00c3\u00a9", "-", "c"));
}

TEST(PreTokenizer, white_space_alone_or_with_punctuation) {
  const std::string text = " a,b\u3000\n(c) ";
  EXPECT_THAT(words_of({{"type", "WhitespaceSplit"}}, text), ElementsAre("a,b", "(c)"));
  EXPECT_THAT(words_of({{"type", "BertPreTokenizer"}}, text),
              ElementsAre("a", ",", "b", "(", "c", ")"));
}

TEST(PreTokenizer, unknown_types_and_values_are_refused_by_name) {
  EXPECT_THROW(words_of({{"type", "UnicodeScripts"}}, "a"), UserError);
  EXPECT_THROW(words_of(split_json("Sideways"), "a"), UserError);
  EXPECT_THROW(words_of(metaspace("sometimes", true), "a"), UserError);
  EXPECT_THROW(words_of({{"type", "Metaspace"}, {"replacement", "ab"}}, "a"), UserError);
  EXPECT_THROW(words_of({{"type", "Sequence"}, {"pretokenizers", 3}}, "a"), UserError);
}

}  // namespace
}  // namespace temper
