#include "run/recommendation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "tests/fixtures/names.h"
#include "tests/unit/run/sample_run.h"

namespace temper {
namespace {

using Action = Recommendation::Action;

std::vector<CheckpointStatus> complete_at(const std::vector<int64_t>& steps_descending) {
  std::vector<CheckpointStatus> checkpoints;
  for (const int64_t step : steps_descending) {
    CheckpointStatus status;
    status.path = "runs/first/step-" + std::to_string(step);
    status.step = step;
    status.complete = true;
    checkpoints.push_back(status);
  }
  return checkpoints;
}

// Steps 0, 2, 4, ... with these test losses.
HeldOutHistory tested(const std::vector<double>& losses) {
  HeldOutHistory history;
  for (size_t i = 0; i < losses.size(); ++i) {
    history.add_test(2 * static_cast<int64_t>(i), losses[i]);
  }
  return history;
}

ChoiceTerms budget_of(double share) {
  ChoiceTerms terms;
  terms.max_forgetting = share;
  return terms;
}

TEST(Recommendation, is_the_lowest_test_loss_and_not_the_newest) {
  const Recommendation found =
      recommend_checkpoint(tested({3.2, 2.0, 2.5}), {}, complete_at({4, 2}));
  EXPECT_EQ(found.action, Action::kUse);
  EXPECT_EQ(found.step, 2);
  EXPECT_EQ(found.path, "runs/first/step-2");
  EXPECT_EQ(found.sentence(), "Use step-2");
  EXPECT_EQ(found.description(),
            "step-2, the recommended one (lowest test loss); newest is step-4");
}

TEST(Recommendation, is_to_keep_the_base_when_no_checkpoint_beats_it) {
  const Recommendation found =
      recommend_checkpoint(tested({3.2, 4.17, 5.52}), {}, complete_at({4, 2}));
  EXPECT_EQ(found.action, Action::kKeep);
  EXPECT_FALSE(found.is_to_use());
  EXPECT_EQ(found.step, 2) << "what is best among the checkpoints is still what the run stands for";
  EXPECT_EQ(found.sentence(),
            "Keep the base: no checkpoint has a lower test loss (3.2000 at step 0, best 4.1700 at "
            "step 2)");
  EXPECT_EQ(found.description(), "step-2, the best one; newest is step-4. " + found.sentence());
  EXPECT_EQ(found.to_json()["action"], "keep");
  EXPECT_EQ(found.to_json()["start_test_loss"], 3.2);
}

TEST(Recommendation, keeps_the_base_where_a_checkpoint_is_only_as_good) {
  EXPECT_EQ(recommend_checkpoint(tested({3.2, 3.2}), {}, complete_at({2})).action, Action::kKeep);
}

TEST(Recommendation, speaks_of_the_adapter_that_the_run_went_on_with) {
  RunConfig config;
  config.lora_model_dir = "earlier";
  const Recommendation found =
      recommend_checkpoint(tested({3.2, 4.0}), ChoiceTerms(config), complete_at({2}));
  EXPECT_THAT(found.sentence(), names("Keep the earlier adapter", "3.2000", "4.0000"));
}

TEST(Recommendation, passes_over_a_better_step_that_has_no_complete_checkpoint) {
  std::vector<CheckpointStatus> checkpoints = complete_at({6, 4, 2});
  checkpoints[1].complete = false;
  const Recommendation found = recommend_checkpoint(tested({3.2, 2.5, 2.0, 2.7}), {}, checkpoints);
  EXPECT_EQ(found.step, 2);
  EXPECT_EQ(found.description(),
            "step-2, the recommended one (lowest test loss); step 4 has a lower test loss, but no "
            "complete checkpoint; newest is step-6");
}

TEST(Recommendation, keeps_the_base_when_what_beat_it_is_gone) {
  const Recommendation found = recommend_checkpoint(tested({3.2, 2.0, 3.9}), {}, complete_at({4}));
  EXPECT_EQ(found.action, Action::kKeep);
  EXPECT_THAT(found.description(), names("step-4", "step 2 "));
}

TEST(Recommendation, without_the_loss_of_the_base_says_that_it_is_not_known) {
  HeldOutHistory history;
  history.add_test(2, 5.0);
  const Recommendation found = recommend_checkpoint(history, {}, complete_at({2}));
  EXPECT_EQ(found.action, Action::kUse);
  EXPECT_THAT(found.description(), names("step-2", "the base"));
}

TEST(Recommendation, without_a_measure_is_the_newest_and_says_so) {
  for (const HeldOutHistory& history : {HeldOutHistory(), tested({3.2})}) {
    const Recommendation found = recommend_checkpoint(history, {}, complete_at({4, 2}));
    EXPECT_EQ(found.action, Action::kUnknown);
    EXPECT_TRUE(found.is_to_use());
    EXPECT_THAT(found.description(), names("step-4", "metrics.jsonl"));
  }
  const Recommendation found =
      recommend_checkpoint(HeldOutHistory(), budget_of(0.02), complete_at({4}));
  EXPECT_EQ(found.action, Action::kUnknown);
  EXPECT_FALSE(found.is_to_use()) << "with a budget that is no leave to ship";
  EXPECT_THAT(found.sentence(), names("step-4", "not known", "budget"));
}

TEST(Recommendation, of_nothing_is_none) {
  const Recommendation found = recommend_checkpoint(tested({3.2, 2.0}), {}, {});
  EXPECT_EQ(found.action, Action::kNothing);
  EXPECT_EQ(found.step, -1);
  EXPECT_TRUE(found.to_json()["step"].is_null());
}

class BudgetedRecommendation : public ::testing::Test {
 protected:
  BudgetedRecommendation() : history_(tested({3.0, 2.5, 2.0})) {
    for (const int64_t step : {0, 2, 4}) {
      history_.add_general(step, 2.0 + 0.05 * static_cast<double>(step));
    }
  }
  HeldOutHistory history_;  // step 2 forgets 5 %, step 4 10 %
};

TEST_F(BudgetedRecommendation, is_within_the_budget) {
  const Recommendation found = recommend_checkpoint(history_, budget_of(0.06), complete_at({4, 2}));
  EXPECT_EQ(found.action, Action::kUse);
  EXPECT_EQ(found.description(),
            "step-2, the recommended one (lowest test loss within the forgetting budget); newest "
            "is step-4");
}

TEST_F(BudgetedRecommendation, keeps_the_base_when_all_are_over_it) {
  const Recommendation found = recommend_checkpoint(history_, budget_of(0.02), complete_at({4, 2}));
  EXPECT_EQ(found.action, Action::kKeep);
  EXPECT_TRUE(found.is_over_budget);
  EXPECT_FALSE(found.is_no_better_than_start());
  EXPECT_EQ(found.step, 4) << "the best of those over it";
  EXPECT_EQ(found.sentence(),
            "Keep the base: no checkpoint is within the forgetting budget of 2.0 %");
}

TEST_F(BudgetedRecommendation, keeps_the_base_when_only_one_over_it_has_learned) {
  history_.add_test(2, 3.5);
  const Recommendation found = recommend_checkpoint(history_, budget_of(0.06), complete_at({4, 2}));
  EXPECT_EQ(found.action, Action::kKeep);
  EXPECT_EQ(found.sentence(),
            "Keep the base: no checkpoint within the forgetting budget has a lower test loss "
            "(3.0000 at step 0, best 3.5000 at step 2)");
}

TEST_F(BudgetedRecommendation, without_test_sets_is_the_newest_within_it) {
  HeldOutHistory history;
  for (const auto& [step, loss] : history_.general()) history.add_general(step, loss);
  const Recommendation found = recommend_checkpoint(history, budget_of(0.06), complete_at({4, 2}));
  EXPECT_EQ(found.action, Action::kUse);
  EXPECT_EQ(found.description(),
            "step-2, the recommended one (the newest within the forgetting budget); newest is "
            "step-4");
}

TEST(RecommendationOfDirectory, reads_metrics_and_budget) {
  SampleRun run;
  run.add_checkpoint(2);
  run.add_checkpoint(4);
  run.write_losses("test_loss", {{0, 3.0}, {2, 2.5}, {4, 2.0}});
  run.write_losses("general_loss", {{0, 2.0}, {2, 2.1}, {4, 2.2}});
  EXPECT_EQ(recommend_checkpoint(run.directory()).step, 4);
  run.write_config("max_forgetting: 0.06\nlora_model_dir: earlier\n");
  const Recommendation found = recommend_checkpoint(run.directory());
  EXPECT_EQ(found.step, 2);
  EXPECT_EQ(found.start_name(), "the earlier adapter");
}

TEST(RecommendationOfDirectory, has_the_budget_from_a_record_when_the_file_is_gone) {
  SampleRun run;
  run.add_checkpoint(2, "max_forgetting: 0.06\n");
  run.write_config("no such key: 1\n");
  EXPECT_EQ(read_choice_terms(run.directory(), run.directory().checkpoints()).max_forgetting, 0.06);
}

TEST(RecommendationOfDirectory, survives_metrics_that_cannot_be_read) {
  SampleRun run;
  run.add_checkpoint(2);
  EXPECT_EQ(recommend_checkpoint(run.directory()).action, Action::kUnknown);
  std::filesystem::create_directory(run.directory().metrics_path());
  EXPECT_EQ(recommend_checkpoint(run.directory()).action, Action::kUnknown);
}

}  // namespace
}  // namespace temper
