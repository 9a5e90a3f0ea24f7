#include "text/tokenizer/model/bpe_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "common/error.h"
#include "tests/fixtures/linear_time.h"
#include "tests/fixtures/names.h"
#include "tests/unit/text/tiny_tokenizer.h"

namespace temper {
namespace {

using testing::ElementsAre;

TEST(BpeModel, merges_by_rank_then_from_the_left) {
  TinyOptions options;
  options.merges = {{"b", "c"}, {"a", "b"}, {"a", "bc"}, {"d", "d"}};
  const auto tokenizer = tiny_tokenizer(options);
  EXPECT_THAT(tokens_of(tokenizer, "abc"), ElementsAre("abc"));
  EXPECT_THAT(tokens_of(tokenizer, "abd"), ElementsAre("ab", "d"));
  EXPECT_THAT(tokens_of(tokenizer, "ddddd"), ElementsAre("dd", "dd", "d"));
  EXPECT_EQ(tokenizer.encode("xabc", false).offsets, (Offsets{{0, 1}, {1, 4}}));
}

TEST(BpeModel, merges_may_be_written_as_texts) {
  TinyOptions options;
  options.merges = {{"a", "b"}, {"ab", "c"}};
  Json json = tiny_json(options);
  json["model"]["merges"] = {"#version: 0.2", "a b", "ab c"};
  const auto legacy = Tokenizer::from_json(json.dump(), "tokenizer.json");
  EXPECT_THAT(tokens_of(legacy, "abcab"), ElementsAre("abc", "ab"));
  EXPECT_EQ(legacy.hash(), tiny_tokenizer(options).hash());
}

TEST(BpeModel, unknown_characters) {
  TinyOptions options;
  EXPECT_THAT(tokens_of(tiny_tokenizer(options), "a\u00e9"), ElementsAre("a", "<0xC3>", "<0xA9>"));
  options.model = {{"byte_fallback", false}};
  EXPECT_THAT(tokens_of(tiny_tokenizer(options), "a\u00e9\u00e8b"), ElementsAre("a", "<unk>", "b"));
  options.model = {{"byte_fallback", false}, {"fuse_unk", false}};
  const auto apart = tiny_tokenizer(options);
  EXPECT_THAT(tokens_of(apart, "a\u00e9\u00e8b"), ElementsAre("a", "<unk>", "<unk>", "b"));
  EXPECT_EQ(apart.encode("a\u00e9\u00e8b", false).offsets,
            (Offsets{{0, 1}, {1, 2}, {2, 3}, {3, 4}}));
  options.model = {{"byte_fallback", false}, {"unk_token", nullptr}};
  EXPECT_THAT(tokens_of(tiny_tokenizer(options), "a\u00e9b"), ElementsAre("a", "b"));
}

TEST(BpeModel, ignore_merges_takes_whole_words_first) {
  TinyOptions options;
  options.merges = {{"b", "c"}, {"a", "b"}, {"ab", "c"}};  // abc cannot be reached by merging
  options.pre_tokenizer = {{"type", "Whitespace"}};
  EXPECT_THAT(tokens_of(tiny_tokenizer(options), "abc"), ElementsAre("a", "bc"));
  options.model = {{"ignore_merges", true}};
  EXPECT_THAT(tokens_of(tiny_tokenizer(options), "abc abcd"), ElementsAre("abc", "a", "bc", "d"));
}

// Word by word must give what the whole text gives: compare with a vocabulary whose extra merge
// reaches over the start of a word but never applies, which turns the cutting off.
TEST(BpeModel, cutting_at_words_changes_nothing) {
  TinyOptions options;
  options.merges = {{"\u2581", "\u2581"}, {"\u2581", "a"}, {"a", "b"},           {"\u2581a", "b"},
                    {"b", "c"},           {"c", "c"},      {"\u2581\u2581", "a"}};
  options.normalizer = {
      {"type", "Sequence"},
      {"normalizers",
       {{{"type", "Prepend"}, {"prepend", "\u2581"}},
        {{"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", "\u2581"}}}}};
  const auto cut = tiny_tokenizer(options);
  options.merges.push_back({"z", "\u2581"});
  const auto whole = tiny_tokenizer(options);
  std::mt19937 random(1);
  for (int i = 0; i < 500; ++i) {
    std::string text;
    for (int k = 0; k < 40; ++k) text += std::string("  abc\xc3")[random() % 6];
    const Encoding a = cut.encode(text, false), b = whole.encode(text, false);
    ASSERT_EQ(a.ids, b.ids);
    ASSERT_EQ(a.offsets, b.offsets);
  }
  EXPECT_THAT(tokens_of(whole, "z b"), ElementsAre("\u2581", "z\u2581", "b"));
}

TEST(BpeModel, a_long_word_takes_no_quadratic_time) {
  TinyOptions options;
  options.merges = {{"a", "b"}, {"ab", "ab"}, {"abab", "abab"}, {"abababab", "abababab"}};
  const auto tokenizer = tiny_tokenizer(options);
  const auto word = [](size_t size) {
    std::string text;
    while (text.size() < size) text += "ab";
    return text;
  };
  expect_linear_time(400'000, word, [&](const std::string& text) {
    EXPECT_EQ(tokenizer.encode(text, false).ids.size(), text.size() / 16);
  });
}

TEST(BpeModel, refuses_what_it_does_not_support_by_name) {
  const auto error_of = [](const Json& model) -> std::string {
    TinyOptions options;
    options.model = model;
    try {
      tiny_tokenizer(options);
    } catch (const UserError& error) {
      return error.what();
    }
    return "";
  };
  for (const char* type : {"Unigram", "WordPiece", "WordLevel"}) {
    EXPECT_THAT(error_of({{"type", type}}),
                names("tokenizer.json", fmt::format("'{}'", type), "BPE"));
  }
  EXPECT_THAT(error_of({{"dropout", 0.1}}), names("tokenizer.json", "'dropout'"));
  EXPECT_THAT(error_of({{"end_of_word_suffix", "</w>"}}),
              names("tokenizer.json", "'end_of_word_suffix'"));
  EXPECT_THAT(error_of({{"continuing_subword_prefix", "##"}}),
              names("tokenizer.json", "'continuing_subword_prefix'"));
  EXPECT_EQ(error_of({{"dropout", nullptr}, {"end_of_word_suffix", ""}}), "");
}

TEST(BpeModel, refuses_damaged_vocabularies) {
  const auto load = [](const Json& model) {
    TinyOptions options;
    options.model = model;
    tiny_tokenizer(options);
  };
  EXPECT_THROW(load({{"vocab", {{"a", -1}}}}), UserError);
  EXPECT_THROW(load({{"vocab", {{"a", 1e9}}}}), UserError);
  EXPECT_THROW(load({{"vocab", {{"a", 2147483647}}}}), UserError);
  EXPECT_THROW(load({{"vocab", {{"a", "0"}}}}), UserError);
  EXPECT_THROW(load({{"vocab", {{"<unk>", 0}, {"a", 0}}}}), UserError);
  EXPECT_THROW(load({{"vocab", {1, 2}}}), UserError);
  EXPECT_THROW(load({{"unk_token", "<none>"}}), UserError);
  EXPECT_THROW(load({{"merges", {"a"}}}), UserError);
  EXPECT_THROW(load({{"merges", {"a b c"}}}), UserError);
  EXPECT_THROW(load({{"merges", {{"a", "b", "c"}}}}), UserError);
  EXPECT_THROW(load({{"merges", {{"a", "b"}}}}), UserError);  // ab is not in the vocabulary
}

}  // namespace
}  // namespace temper
