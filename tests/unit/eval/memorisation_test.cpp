#include "eval/memorisation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/error.h"
#include "tests/fixtures/names.h"

namespace temper {
namespace {

std::string words(int from, int to) {
  std::string text;
  for (int i = from; i < to; ++i) text += "w" + std::to_string(i) + " ";
  return text;
}

TEST(LongestSharedRun, counts_words_without_a_gap) {
  EXPECT_EQ(longest_shared_run("a b c d e", "x b c d y"), 3u);
  EXPECT_EQ(longest_shared_run("a b a b c", "b a b"), 3u);
  EXPECT_EQ(longest_shared_run("", "a"), 0u);
}

TEST(IsVerbatim, needs_a_long_answer_from_its_beginning) {
  EXPECT_TRUE(is_verbatim(words(0, 20) + "and more", words(0, 20)));
  EXPECT_TRUE(is_verbatim(words(0, 50) + "other", words(0, 90))) << "the first 50 words";
  EXPECT_FALSE(is_verbatim(words(0, 49), words(0, 90)));
  EXPECT_FALSE(is_verbatim(words(1, 20), words(0, 20)));
  EXPECT_FALSE(is_verbatim(words(0, 11), words(0, 11))) << "too short to tell";
}

std::vector<Question> questions(size_t count) {
  return std::vector<Question>(count, Question{.place = "q", .expected = words(0, 20)});
}
std::vector<Answer> answers(size_t num_verbatim, size_t count) {
  std::vector<Answer> list(count, Answer{.text = "no"});
  for (size_t i = 0; i < num_verbatim; ++i) list[i].text = words(0, 20);
  return list;
}

TEST(ScoreVerbatim, tells_repeated_records_apart) {
  std::vector<Question> asked = questions(10);
  EXPECT_FALSE(score_verbatim(asked, answers(2, 10)).contains("repeated"));
  asked[0].occurrences = 3;
  asked[9].occurrences = 2;
  const Json scores = score_verbatim(asked, answers(2, 10));
  EXPECT_EQ(scores["value"], 0.2);
  EXPECT_EQ(scores["repeated"]["answers"], 2);
  EXPECT_EQ(scores["repeated"]["value"], 0.5);
  Json audit = {{"train", scores}};
  judge_memorisation(audit);
  EXPECT_THAT(audit["verdict"].get<std::string>(), names("50.0 % of the 2 "));
}

TEST(JudgeMemorisation, looks_beyond_the_intervals) {
  Json audit = {{"train", score_verbatim(questions(50), answers(25, 50))},
                {"held_out", score_verbatim(questions(50), answers(0, 50))}};
  EXPECT_EQ(audit["train"]["value"], 0.5);
  EXPECT_EQ(audit["train"]["longest_run_words"], 20);
  judge_memorisation(audit);
  EXPECT_EQ(audit["memorises"], true);
  EXPECT_THAT(audit["verdict"].get<std::string>(), names("50.0 % of 50 "));

  Json alike = {{"train", score_verbatim(questions(50), answers(25, 50))},
                {"held_out", score_verbatim(questions(50), answers(24, 50))}};
  judge_memorisation(alike);
  EXPECT_EQ(alike["memorises"], false);

  Json canaries = {{"canaries",
                    {{"count", 8},
                     {"found", 1},
                     {"largest_exposure", 9.0},
                     {"mean_exposure", 2.0},
                     {"possible_exposure", 9.0}}}};
  judge_memorisation(canaries);
  EXPECT_EQ(canaries["memorises"], true);
}

}  // namespace
}  // namespace temper
