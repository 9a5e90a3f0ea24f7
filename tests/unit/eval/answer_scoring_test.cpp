#include "eval/answer_scoring.h"

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

TEST(ScoredWords, are_lower_case_without_punctuation) {
  EXPECT_THAT(scored_words("The U.S. \"won\"  it,\nagain!"),
              ElementsAre("the", "us", "won", "it", "again"));
  EXPECT_THAT(scored_words("\xC3\x84RZTE \xE2\x80\x94 ja"), ElementsAre("\xC3\xA4rzte", "ja"));
  EXPECT_THAT(scored_words(" ... "), IsEmpty());
  EXPECT_EQ(scored_words("a\xFF").size(), 1u);
}

TEST(WordF1, is_the_harmonic_mean_of_precision_and_recall) {
  EXPECT_DOUBLE_EQ(word_f1("It is blue.", "it is BLUE"), 1.0);
  EXPECT_DOUBLE_EQ(word_f1("blue", "It is blue."), 2.0 * 1.0 * (1.0 / 3.0) / (1.0 + 1.0 / 3.0));
  EXPECT_DOUBLE_EQ(word_f1("red", "blue"), 0.0);
  EXPECT_DOUBLE_EQ(word_f1("a a a b", "a b b"), 2.0 * 2.0 / 7.0) << "repetitions count once each";
  EXPECT_DOUBLE_EQ(word_f1("", "..."), 1.0);
  EXPECT_DOUBLE_EQ(word_f1("", "blue"), 0.0);
  EXPECT_DOUBLE_EQ(word_f1("blue", ""), 0.0);
}

}  // namespace
}  // namespace temper
