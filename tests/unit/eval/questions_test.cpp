#include "eval/questions.h"
#include "comm/local/local_process_group.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/error.h"
#include "eval/model_loader.h"
#include "eval/scoring/answer_scoring.h"
#include "io/atomic_file.h"
#include "tests/fixtures/names.h"
#include "tests/unit/export/tiny_run.h"
#include "text/unicode/utf8.h"

namespace temper {
namespace {

using ::testing::SizeIs;

class QuestionsTest : public ::testing::Test {
 protected:
  std::string error_of(const std::string& text) {
    try {
      read(text);
    } catch (const UserError& error) {
      return error.what();
    }
    return "no error";
  }
  std::vector<Question> read(const std::string& text, int64_t limit = 0) {
    write_file_atomically(world_.root() / "q.jsonl", text);
    return read_questions(world_.root() / "q.jsonl", limit);
  }
  TinyRun world_{{false, true}};
};

TEST_F(QuestionsTest, are_read_in_either_form) {
  const auto pairs = read(
      "{\"prompt\": \"a?\", \"completion\": \"b\"}\n"
      "{\"prompt\": \"c?\", \"completion\": \"d\"}\n");
  ASSERT_THAT(pairs, SizeIs(2));
  EXPECT_EQ(pairs[1].messages.at(0).content, "c?");
  EXPECT_EQ(pairs[1].expected, "d");
  EXPECT_THAT(pairs[1].place, names("q.jsonl:2"));
  const auto chats = read(
      "{\"messages\": [{\"role\": \"system\", \"content\": \"s\"}, "
      "{\"role\": \"user\", \"content\": \"u\"}, "
      "{\"role\": \"assistant\", \"content\": \"a\"}]}\n");
  ASSERT_THAT(chats, SizeIs(1));
  EXPECT_THAT(chats[0].messages, SizeIs(2));
  EXPECT_EQ(chats[0].expected, "a");
}

TEST_F(QuestionsTest, limit_takes_the_first) {
  EXPECT_THAT(read("{\"prompt\": \"a?\", \"completion\": \"b\"}\nnot json\n", 1), SizeIs(1));
}

TEST_F(QuestionsTest, the_same_ones_are_counted_to_the_end_of_the_file) {
  const std::string a = "{\"prompt\": \"a?\", \"completion\": \"b\"}\n";
  const std::string c = "{\"prompt\": \"c?\", \"completion\": \"b\"}\n";
  write_file_atomically(world_.root() / "q.jsonl", a + c + a + c + a);
  const auto all = read_distinct_questions(world_.root() / "q.jsonl", 0);
  ASSERT_THAT(all, SizeIs(2));
  EXPECT_EQ(all[0].occurrences, 3);
  EXPECT_EQ(all[1].occurrences, 2);
  const auto first = read_distinct_questions(world_.root() / "q.jsonl", 1);
  ASSERT_THAT(first, SizeIs(1));
  EXPECT_EQ(first[0].occurrences, 3);
}

TEST_F(QuestionsTest, without_an_answer_are_refused_by_line) {
  EXPECT_THAT(error_of("{\"prompt\": \"a?\", \"completion\": \"b\"}\nnot json\n"),
              names("q.jsonl:2"));
  EXPECT_THAT(error_of("{\"messages\": [{\"role\": \"user\", \"content\": \"secret\"}]}\n"),
              ::testing::AllOf(names("q.jsonl:1"), ::testing::Not(names("secret"))));
  EXPECT_THAT(error_of("{\"text\": \"words\"}\n"), names("q.jsonl:1"));
  EXPECT_THAT(error_of("\n"), names("q.jsonl", "no question"));
}

TEST_F(QuestionsTest, are_answered_as_one_by_one_and_scored) {
  const ModelLoader loader({.path = world_.run()});
  const ResidentModel model = loader.load();
  const Generator generator(model, loader.tokenizer(), loader.stop_conditions());
  std::vector<Question> questions = read_questions(world_.corpus(), 3);
  GenerationOptions options;
  options.max_new_tokens = 8;
  const Generation first =
      generator.generate(loader.prompts().encode(questions[0].messages).ids, options);
  questions[0].expected = "  " + first.text + "\n";  // a model that knows the answer

  const auto group = make_local_process_group();
  const auto answers = answer_questions(questions, loader.prompts(), generator, 8, *group);
  ASSERT_THAT(answers, SizeIs(3));
  EXPECT_EQ(answers[0].text, first.text);
  EXPECT_EQ(answers[0].num_new_tokens, static_cast<int64_t>(first.ids.size()));
  EXPECT_TRUE(answers[0].exact_match);
  EXPECT_FALSE(answers[1].exact_match);
  EXPECT_DOUBLE_EQ(answers[1].f1, word_f1(answers[1].text, questions[1].expected));
  const Json scores = score_answers(answers);
  EXPECT_EQ(scores["questions"], 3);
  EXPECT_EQ(scores["scores"][0]["name"], "exact match");
  EXPECT_DOUBLE_EQ(scores["scores"][0]["value"], 1.0 / 3.0);
  EXPECT_LT(scores["scores"][0]["low"], 1.0 / 3.0);
  const Json same = compare_answers(answers, answers);
  EXPECT_EQ(same[0]["difference"], 0.0);
  EXPECT_EQ(same[0]["p_not_better"], 1.0);
}

TEST_F(QuestionsTest, more_than_a_batch_come_back_in_their_order) {
  const ModelLoader loader({.path = world_.run()});
  const ResidentModel model = loader.load();
  const Generator generator(model, loader.tokenizer(), loader.stop_conditions());
  std::vector<Question> questions;
  for (size_t q = 0; q < kAnswersAtOnce + 5; ++q) {
    questions.push_back({.place = "q", .messages = {{"user", std::string(1 + 7 * q % 23, 'a')}}});
  }
  GenerationOptions options;
  options.max_new_tokens = 6;
  const auto group = make_local_process_group();
  const auto answers = answer_questions(questions, loader.prompts(), generator, 6, *group);
  for (size_t q = 0; q < questions.size(); ++q) {
    const auto prompt = loader.prompts().encode(questions[q].messages).ids;
    EXPECT_EQ(answers[q].text, replace_invalid_utf8(generator.generate(prompt, options).text)) << q;
  }
}

}  // namespace
}  // namespace temper
