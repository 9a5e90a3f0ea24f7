#include "text/tokenizer/pre/added_tokens.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/error.h"
#include "tests/unit/text/tiny_tokenizer.h"

namespace temper {
namespace {

using testing::ElementsAre;

Json token(const std::string& content, const Json& more = {}) {
  Json result = {{"content", content}, {"normalized", false}};
  if (more.is_object()) result.update(more);
  return result;
}

Tokenizer with_tokens(const Json& tokens, const Json& normalizer = {}) {
  TinyOptions options;
  options.added_tokens = tokens;
  options.normalizer = normalizer;
  return tiny_tokenizer(options);
}

TEST(AddedTokens, the_longest_of_the_leftmost_is_found) {
  const auto tokenizer = with_tokens({token("<a>"), token("<a>b"), token("a>bc")});
  EXPECT_THAT(tokens_of(tokenizer, "x<a>bc<a>"), ElementsAre("x", "<a>b", "c", "<a>"));
}

TEST(AddedTokens, a_token_of_the_vocabulary_keeps_its_id_and_others_are_numbered_on) {
  const auto tokenizer = with_tokens({token("a"), token("<x>"), token("<y>")});
  const TinyOptions plain;
  EXPECT_EQ(tokenizer.token_to_id("a"), tiny_tokenizer(plain).token_to_id("a"));
  const auto first = static_cast<int32_t>(tiny_json(plain)["model"]["vocab"].size());
  EXPECT_EQ(tokenizer.token_to_id("<x>"), first);
  EXPECT_EQ(tokenizer.token_to_id("<y>"), first + 1);
  EXPECT_EQ(tokenizer.vocab_size(), first + 2);
  EXPECT_EQ(tokenizer.id_to_token(first), "<x>");
}

TEST(AddedTokens, stripping_takes_the_white_space) {
  const auto tokenizer =
      with_tokens({token("<l>", {{"lstrip", true}}), token("<r>", {{"rstrip", true}})});
  const Encoding encoding = tokenizer.encode("a  <l> b<r> \n c", false);
  EXPECT_THAT(tokens_of(tokenizer, "a  <l> b<r> \n c"),
              ElementsAre("a", "<l>", " ", "b", "<r>", "c"));
  EXPECT_EQ(encoding.offsets[1], std::pair(1, 6));
  EXPECT_EQ(encoding.offsets[4], std::pair(8, 14));
}

// As Hugging Face has it: what lies in the white space that the token before took is found once
// more, unless it would take the same white space to its left.
TEST(AddedTokens, white_space_is_not_taken_twice) {
  const auto plain = with_tokens({token("<r>", {{"rstrip", true}}), token("  ")});
  EXPECT_EQ(plain.encode("a<r>  b", false).offsets, (Offsets{{0, 1}, {1, 6}, {4, 6}, {6, 7}}));
  const auto strips = with_tokens(
      {token("<r>", {{"rstrip", true}}), token("  ", {{"lstrip", true}, {"rstrip", true}})});
  EXPECT_EQ(strips.encode("a<r>    b", false).offsets, (Offsets{{0, 1}, {1, 8}, {8, 9}}));
}

// Offsets are trimmed by the text that was found, which the normaliser may have made longer, and
// not by the spelling of the same id in the vocabulary.
TEST(AddedTokens, offsets_are_trimmed_by_the_text_found) {
  TinyOptions options;
  options.normalizer = {{"type", "Prepend"}, {"prepend", " "}};
  options.post_processor = {
      {"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}};
  options.added_tokens = {{{"content", "abc"}, {"normalized", true}}};
  EXPECT_EQ(tiny_tokenizer(options).encode("abc", false).offsets, (Offsets{{1, 3}}));
  options.normalizer = nullptr;
  options.added_tokens[0].update({{"normalized", false}, {"lstrip", true}});
  EXPECT_EQ(tiny_tokenizer(options).encode("a  abc", false).offsets, (Offsets{{0, 1}, {3, 6}}));
}

TEST(AddedTokens, single_words_are_not_found_inside_words) {
  const auto tokenizer = with_tokens(Json::array({token("in", {{"single_word", true}})}));
  EXPECT_THAT(tokens_of(tokenizer, "in.ine \u00e9in"),
              ElementsAre("in", ".", "i", "n", "e", " ", "<0xC3>", "<0xA9>", "i", "n"));
}

TEST(AddedTokens, normalized_tokens_are_looked_for_in_the_normalised_text) {
  const auto tokenizer =
      with_tokens({token("ABC", {{"normalized", true}}), token("DE")}, {{"type", "Lowercase"}});
  EXPECT_THAT(tokens_of(tokenizer, "xaBcDEde"), ElementsAre("x", "ABC", "DE", "d", "e"));
}

TEST(AddedTokens, special_tokens_are_known) {
  const auto tokenizer = with_tokens({token("<s>", {{"special", true}}), token("<x>")});
  EXPECT_TRUE(tokenizer.is_special(*tokenizer.token_to_id("<s>")));
  EXPECT_FALSE(tokenizer.is_special(*tokenizer.token_to_id("<x>")));
  EXPECT_FALSE(tokenizer.is_special(*tokenizer.token_to_id("a")));
  EXPECT_FALSE(tokenizer.is_special(-1));
  const std::vector<int32_t> ids = tokenizer.encode("<s>a<x>", false).ids;
  EXPECT_EQ(tokenizer.decode(ids, true), "a <x>");
  EXPECT_EQ(tokenizer.decode(ids, false), "<s> a <x>");
}

TEST(AddedTokens, two_that_become_the_same_are_refused) {
  EXPECT_THROW(
      with_tokens({token("AB", {{"normalized", true}}), token("ab", {{"normalized", true}})},
                  {{"type", "Lowercase"}}),
      UserError);
}

}  // namespace
}  // namespace temper
