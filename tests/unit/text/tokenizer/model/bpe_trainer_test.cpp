#include "text/tokenizer/model/bpe_trainer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "common/error.h"
#include "tests/unit/text/tiny_tokenizer.h"

namespace temper {
namespace {

using testing::ElementsAre;

std::string train(std::vector<std::string> texts, const BpeTrainerOptions& options) {
  size_t next = 0;
  return train_byte_level_bpe(
      [&](std::string& text) {
        if (next == texts.size()) return false;
        text = texts[next++];
        return true;
      },
      options);
}

BpeTrainerOptions options_for(int64_t vocab_size) {
  BpeTrainerOptions options;
  options.vocab_size = vocab_size;
  options.special_tokens = {"<s>", "</s>", "<pad>"};
  return options;
}

TEST(BpeTrainer, learns_the_most_frequent_pairs_first) {
  const auto json = parse_json(train({"abab abab ab", "xy xy"}, options_for(300)), "trained");
  // "a b" occurs five times, the others twice: lower ids first, bytes before merged tokens.
  EXPECT_EQ(json["model"]["merges"], Json({"a b", "x y", "\u0120 ab"}));
}

TEST(BpeTrainer, special_tokens_come_first_then_the_bytes) {
  const std::string json = train({"the the the"}, options_for(262));
  const auto tokenizer = Tokenizer::from_json(json, "trained");
  EXPECT_EQ(tokenizer.token_to_id("<s>"), 0);
  EXPECT_EQ(tokenizer.token_to_id("<pad>"), 2);
  EXPECT_EQ(tokenizer.token_to_id("!"), 3);
  EXPECT_EQ(tokenizer.vocab_size(), 262);
  EXPECT_TRUE(tokenizer.is_special(1));
  EXPECT_THAT(tokens_of(tokenizer, "the<s>the"), ElementsAre("the", "<s>", "the"));
}

TEST(BpeTrainer, any_text_comes_back) {
  const auto tokenizer =
      Tokenizer::from_json(train({"some text", "some more"}, options_for(280)), "t");
  const std::string text = "some \u65e5\u672c \U0001F389\n\ttext\u00a0";
  EXPECT_EQ(tokenizer.decode(tokenizer.encode(text, false).ids), text);
}

TEST(BpeTrainer, the_order_of_the_texts_makes_no_difference) {
  std::vector<std::string> texts;
  for (int i = 0; i < 300; ++i) texts.push_back(fmt::format("word{} and {} others", i % 37, i));
  const std::string forth = train(texts, options_for(400));
  std::reverse(texts.begin(), texts.end());
  EXPECT_EQ(train(texts, options_for(400)), forth);
}

TEST(BpeTrainer, stops_when_no_pair_repeats) {
  const auto tokenizer = Tokenizer::from_json(train({"ab ab cd"}, options_for(5000)), "trained");
  // " ab" occurs once, so that only "ab" is learnt.
  EXPECT_EQ(tokenizer.vocab_size(), 3 + 256 + 1);
}

TEST(BpeTrainer, the_bos_token_is_put_in_front) {
  BpeTrainerOptions options = options_for(270);
  options.bos_token = "<s>";
  const auto tokenizer = Tokenizer::from_json(train({"a"}, options), "trained");
  const int32_t a = *tokenizer.token_to_id("a");
  EXPECT_THAT(tokenizer.encode("a", true).ids, ElementsAre(0, a));
  EXPECT_THAT(tokenizer.encode("a", false).ids, ElementsAre(a));
}

TEST(BpeTrainer, overlapping_pairs_are_merged_from_the_left) {
  const auto tokenizer =
      Tokenizer::from_json(train({"aaaaa", "aaaaa"}, options_for(3 + 256 + 1)), "trained");
  EXPECT_THAT(tokens_of(tokenizer, "aaaaa"), ElementsAre("aa", "aa", "a"));
}

TEST(BpeTrainer, options_that_make_no_sense_are_refused) {
  EXPECT_THROW(train({}, options_for(258)), UserError);
  EXPECT_NO_THROW(train({}, options_for(259)));
  BpeTrainerOptions options = options_for(300);
  options.special_tokens = {"<s>", "<s>"};
  EXPECT_THROW(train({}, options), UserError);
  options.special_tokens = {""};
  EXPECT_THROW(train({}, options), UserError);
  options.special_tokens = {"a"};
  EXPECT_THROW(train({}, options), UserError);
  options.special_tokens = {"<s>"};
  options.bos_token = "<bos>";
  EXPECT_THROW(train({}, options), UserError);
}

}  // namespace
}  // namespace temper
