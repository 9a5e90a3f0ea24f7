#include "eval/scoring/answer_scoring.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace temper {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(IsExactMatch, overlooks_white_space_at_the_ends_only) {
  EXPECT_TRUE(is_exact_match(" Blue.\n", "Blue."));
  EXPECT_TRUE(is_exact_match("", " \n"));
  EXPECT_FALSE(is_exact_match("blue.", "Blue."));
  EXPECT_FALSE(is_exact_match("Bl ue.", "Blue."));
  EXPECT_FALSE(is_exact_match("Blue", "Blue."));
}

TEST(ScoredWords, are_lower_case_without_punctuation_and_articles) {
  EXPECT_THAT(scored_words("The U.S. \"won\"  it,\nan a again! A_b the-c"),
              ElementsAre("us", "won", "it", "again", "ab", "thec"));
  EXPECT_THAT(scored_words("\xC3\x84RZTE \xE2\x80\x94 ja"),
              ElementsAre("\xC3\xA4rzte", "\xE2\x80\x94", "ja"));
  EXPECT_THAT(scored_words(" ... the"), IsEmpty());
  EXPECT_EQ(scored_words("b\xFF").size(), 1u);
}

TEST(RougeL, is_the_f_measure_of_the_longest_common_subsequence) {
  // rouge-score 0.1.2 gives these.
  EXPECT_DOUBLE_EQ(rouge_l("the cat sat on the mat", "the cat lay on a mat"), 2.0 * 4 / 12);
  EXPECT_DOUBLE_EQ(rouge_l("B-12, level!", "b 12 level"), 1.0);
  EXPECT_DOUBLE_EQ(rouge_l("a b c", "c b a"), 2.0 / 6);
  EXPECT_DOUBLE_EQ(rouge_l("", ""), 0.0);
}

TEST(Chrf, is_the_f2_of_character_ngrams) {
  EXPECT_DOUBLE_EQ(chrf("iron deficiency", "iron deficiency"), 1.0);
  EXPECT_DOUBLE_EQ(chrf("", "iron"), 0.0);
  EXPECT_DOUBLE_EQ(chrf("a  b\tc", "abc"), 1.0) << "white space does not count";
  // Order 1: 2 of 3 in both; order 2: 1 of 2; order 3: 0 of 1. Means 7/18 both.
  EXPECT_NEAR(chrf("abc", "abd"), 7.0 / 18, 1e-12);
}

TEST(IsRefusal, knows_how_refusals_begin) {
  EXPECT_TRUE(is_refusal(" I\xE2\x80\x99m sorry, but I can't help."));
  EXPECT_TRUE(is_refusal("As an AI language model, I"));
  EXPECT_FALSE(is_refusal("I cannon"));
  EXPECT_FALSE(is_refusal(""));
}

TEST(WordF1, is_the_harmonic_mean_of_precision_and_recall) {
  EXPECT_DOUBLE_EQ(word_f1("It is the blue.", "it is BLUE"), 1.0);
  EXPECT_DOUBLE_EQ(word_f1("blue", "It is blue."), 2.0 * 1.0 * (1.0 / 3.0) / (1.0 + 1.0 / 3.0));
  EXPECT_DOUBLE_EQ(word_f1("red", "blue"), 0.0);
  EXPECT_DOUBLE_EQ(word_f1("x x x b", "x b b"), 2.0 * 2.0 / 7.0) << "repetitions count once each";
  EXPECT_DOUBLE_EQ(word_f1("", "..."), 1.0);
  EXPECT_DOUBLE_EQ(word_f1("", "blue"), 0.0);
  EXPECT_DOUBLE_EQ(word_f1("blue", ""), 0.0);
}

}  // namespace
}  // namespace temper
