// Evaluation gives the same bits on any number of ranks.
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <optional>

#include "comm/agreement.h"
#include "comm/local/local_process_group.h"
#include "common/error.h"
#include "eval/evaluation.h"
#include "tests/distributed/world.h"
#include "tests/unit/export/tiny_run.h"

namespace temper {
namespace {

class Evaluate : public testing::Test {
 protected:
  // Rank 0 makes the run, all ranks look at it.
  void SetUp() override {
    if (world().rank() == 0) made_.emplace(TinyRun::Options{false, true});
    at::set_num_threads(1);
    root_ = world().all_gather_text(made_ ? made_->root().string() : "").front();
    loader_ = std::make_unique<ModelLoader>(ModelRequest{.path = root_ / "run"});
    model_.emplace(loader_->load());
    task_.held_out = open_held_out_sets_of_run(*loader_);
    task_.questions = read_questions(root_ / "corpus.jsonl", 5);
    for (int q = 5; q < 40; ++q) task_.questions.push_back(task_.questions[q % 5]);
    task_.choices.push_back({"q:1", {{"user", "Which?"}}, {"this", "that", "the other"}, 1});
    task_.training_questions = {task_.questions[0]};
    task_.canaries = {{"c:1", {{"user", "The number?"}}, nullptr, "It is 1234 5678."}};
    task_.max_new_tokens = 12;
  }
  void TearDown() override {
    world().barrier();
    made_.reset();
  }

  std::optional<TinyRun> made_;  // on rank 0
  std::filesystem::path root_;
  std::unique_ptr<ModelLoader> loader_;
  std::optional<ResidentModel> model_;
  EvaluationTask task_;
};

TEST_F(Evaluate, gives_the_bits_of_one_rank) {
  const auto alone = make_local_process_group();
  const Evaluation expected = evaluate_model("alone", *model_, *loader_, task_, *alone);
  const Evaluation shared = evaluate_model("shared", *model_, *loader_, task_, world());
  ASSERT_EQ(shared.sets.size(), 1u);
  EXPECT_EQ(shared.sets[0].name, "test/corpus");
  EXPECT_EQ(shared.sets[0].figures.loss.sum, expected.sets[0].figures.loss.sum);
  EXPECT_EQ(shared.sets[0].figures.loss.count, expected.sets[0].figures.loss.count);
  EXPECT_EQ(shared.sets[0].figures.num_bytes, expected.sets[0].figures.num_bytes);
  ASSERT_EQ(shared.answers.size(), 40u);
  EXPECT_EQ(shared.choices, expected.choices);
  EXPECT_EQ(shared.memorisation, expected.memorisation);
  for (size_t q = 0; q < shared.answers.size(); ++q) {
    EXPECT_EQ(shared.answers[q].text, expected.answers[q].text) << "question " << q;
    EXPECT_EQ(shared.answers[q].f1, expected.answers[q].f1) << "question " << q;
  }
}

// Where answers that grow together change each other's last bits, the same ones do on any number of
// ranks.
TEST_F(Evaluate, gives_the_answers_of_one_rank_where_they_depend_on_their_batch) {
  model_.emplace(loader_->load({at::kCPU, at::kBFloat16}));
  const Generator generator(*model_, loader_->tokenizer(), loader_->stop_conditions());
  ASSERT_TRUE(generator.bits_depend_on_batch());
  while (task_.questions.size() < 2 * kAnswersAtOnce + 5) {
    task_.questions.push_back(task_.questions[task_.questions.size() % 5]);
  }
  const auto alone = make_local_process_group();
  const auto expected = answer_questions(task_.questions, loader_->prompts(), generator, 3, *alone);
  const auto shared = answer_questions(task_.questions, loader_->prompts(), generator, 3, world());
  ASSERT_EQ(shared.size(), task_.questions.size());
  for (size_t q = 0; q < shared.size(); ++q) {
    EXPECT_EQ(shared[q].text, expected[q].text) << "question " << q;
    EXPECT_GT(shared[q].num_new_tokens, 0) << "question " << q;
  }
}

TEST_F(Evaluate, throws_one_ranks_error_on_all) {
  // Longer than the model has positions for; the last question, so that one rank meets it.
  task_.questions.back().messages = {{"user", std::string(400, 'x')}};
  EXPECT_THROW(evaluate_model("tuned", *model_, *loader_, task_, world()), AgreedError);
  world().barrier();
}

}  // namespace
}  // namespace temper
