// A run's name stands for one checkpoint, in whatever command: the recommended one.
#include <gmock/gmock.h>

#include "tests/fixtures/names.h"
#include "training_fixture.h"

namespace temper {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class RecommendedCheckpointTest : public TrainingFixture {
 protected:
  RecommendedCheckpointTest() { write_dataset(20, 64, "test"); }

  // The rate rises until it destroys what was learned: the best checkpoint is in the middle.
  void train_past_the_best(const std::string& output, int num_ranks) {
    write_yaml(
        "test_datasets: test.h5\nmax_steps: 12\nwarmup_steps: 12\nlr_scheduler: constant\n"
        "eval_steps: 1\nsave_steps: 1\nsave_total_limit: 0\n");
    const ProgramRun run = train(output, num_ranks, {"--set", "learning_rate=0.8"});
    ASSERT_EQ(run.exit_code, 0) << run.err;
    EXPECT_THAT(run.err,
                names(fmt::format("{}: step-{}", output, step_of_lowest_loss(output)), "step-12"));
  }
  // A base that knows what the test set asks for learns something else.
  void train_for_nothing(int num_ranks, const std::string& more = "") {
    write_yaml("max_steps: 30\n");
    ASSERT_EQ(train("first", 1, {"--set", "learning_rate=1e-2"}).exit_code, 0);
    temper_output({"export", "first", "-o", "taught"});
    std::string lines;
    for (int i = 0; i < 40; ++i) {
      lines += Json{{"text", fmt::format("ZQXJ~^|{}#@{{}}[]<>%&ZQXJ~^|#@{{}}", i)}}.dump() + "\n";
    }
    write("other.jsonl", lines);
    temper_output({"pack", "other.jsonl", "-o", "other.h5", "--tokenizer", "tokenizer.json",
                   "--sequence-len", "64", "--no-hygiene"});
    write_yaml(
        "test_datasets: test.h5\nmax_steps: 4\nlr_scheduler: constant\neval_steps: 2\n"
        "save_steps: 2\n" +
        more);
    const ProgramRun run = train("out", num_ranks,
                                 {"--set", "base_model=taught", "--set",
                                  "datasets=[{path: other.h5}]", "--set", "learning_rate=1e-2"});
    ASSERT_EQ(run.exit_code, 0) << run.err;
    EXPECT_THAT(run.err, names("Keep the base", "step 0"));
  }
  int64_t step_of_lowest_loss(const std::string& output) {
    int64_t best = -1;
    double lowest = 0.0;
    for (const Json& line : metrics(output, "test_loss")) {
      if (best >= 0 && line["loss"].get<double>() >= lowest) continue;
      best = line["step"];
      lowest = line["loss"];
    }
    return best;
  }
  int64_t exported_step(const std::string& reference) {
    return temper_json(
        {"export", reference, "-o", "exported", "--threads", "1", "--json"})["source"]["step"];
  }
  int64_t evaluated_step(const std::string& reference, const char* num_ranks = "1") {
    return temper_json({"eval", reference, "--nproc", num_ranks, "--json"})["step"];
  }
  ProgramRun generate(const std::string& reference) {
    return temper(
        {"generate", reference, "--prompt", "What?", "--max-new-tokens", "2", "--threads", "1"});
  }
};

TEST_F(RecommendedCheckpointTest, a_run_is_its_best_checkpoint_in_every_command) {
  for (const int num_ranks : {1, 2}) {
    const std::string output = fmt::format("out{}", num_ranks);
    train_past_the_best(output, num_ranks);
    const int64_t best = step_of_lowest_loss(output);
    ASSERT_GT(best, 0);
    ASSERT_LT(best, 12);
    const std::string recommended = temper_json({"status", output, "--json"})["recommended"];
    EXPECT_THAT(recommended, names(fmt::format("step-{}", best), "step-12"));
    const std::string line = output + ": " + recommended;

    const Json run = temper_json({"inspect", output, "--json"});
    EXPECT_EQ(run["latest"]["step"], 12);
    EXPECT_EQ(run["recommended"]["step"], best);
    EXPECT_EQ(run["recommended"]["action"], "use");
    const ProgramRun report = temper({"report", output, "--json"});
    EXPECT_EQ(report.err, "temper: " + line + "\n");
    const Json verdict = parse_json(report.out, "report")["verdict"];
    EXPECT_EQ(verdict["checkpoint"], fmt::format("{}/step-{}", output, best));
    EXPECT_THAT(verdict["headline"].get<std::string>(),
                StartsWith(fmt::format("Use step-{}: test loss -", best)));

    EXPECT_EQ(exported_step(output), best);
    EXPECT_EQ(evaluated_step(output), best);
    EXPECT_EQ(evaluated_step(output, "2"), best);
    const ProgramRun generated = generate(output);
    EXPECT_EQ(generated.exit_code, 0);
    EXPECT_THAT(generated.err, HasSubstr("temper: " + line + "\n"));
    EXPECT_EQ(
        parse_json(read(fmt::format("{}/step-12/commit.json", output)), "commit")["eval_best_step"],
        best);
  }
  EXPECT_EQ(latest("out1")["state_hash"], latest("out2")["state_hash"]);
}

TEST_F(RecommendedCheckpointTest, others_are_named_behind_an_at_sign) {
  train_past_the_best("out", 1);
  std::filesystem::rename(folder() / "out", folder() / "out@newest");
  for (const std::string run : {"out@newest", "./out@newest/"}) {
    EXPECT_EQ(exported_step(run + "@newest"), 12) << run;
    EXPECT_EQ(exported_step(run + "@step-3"), 3) << run;
  }
  std::filesystem::rename(folder() / "out@newest", folder() / "out");
  EXPECT_EQ(evaluated_step("out@newest", "2"), 12);
  EXPECT_EQ(evaluated_step("out@step-3"), 3);
  EXPECT_EQ(evaluated_step("out/step-3"), 3);
  EXPECT_EQ(temper_json({"inspect", "out@step-3", "--json"})["step"], 3);
  EXPECT_THAT(
      generate("out@newest").err,
      names("out: step-12", fmt::format("recommended is step-{}", step_of_lowest_loss("out"))));
  for (const char* command : {"export", "eval", "inspect"}) {
    std::vector<std::string> arguments = {command, "out@step-77"};
    if (command == std::string("export")) arguments.insert(arguments.end(), {"-o", "e"});
    const ProgramRun refused = temper(arguments);
    EXPECT_EQ(refused.exit_code, 2) << command;
    EXPECT_THAT(error_message(refused), names("out@step-77", "step-1, step-2")) << command;
  }
}

TEST_F(RecommendedCheckpointTest, without_it_the_next_best_is_taken_and_without_losses_the_newest) {
  train_past_the_best("out", 1);
  const int64_t best = step_of_lowest_loss("out");
  std::filesystem::remove_all(folder() / "out" / fmt::format("step-{}", best));
  const ProgramRun next = temper({"eval", "out", "--json"});
  const int64_t step = parse_json(next.out, "eval")["step"];
  EXPECT_NE(step, best);
  EXPECT_NE(step, 12);
  EXPECT_THAT(next.err, names(fmt::format("step-{}", step), fmt::format("step {} ", best)));
  EXPECT_EQ(exported_step("out"), step);
  EXPECT_EQ(temper_json({"report", "out", "--json"})["verdict"]["checkpoint"],
            fmt::format("out/step-{}", step));

  std::filesystem::remove(folder() / "out/metrics.jsonl");
  EXPECT_EQ(exported_step("out"), 12);
  const ProgramRun newest = generate("out");
  EXPECT_THAT(newest.err, names("out: step-12", "metrics.jsonl"));
}

TEST_F(RecommendedCheckpointTest, a_run_that_only_got_worse_keeps_the_base) {
  train_for_nothing(2);
  const std::string sentence = temper_json({"report", "out", "--json"})["verdict"]["headline"];
  EXPECT_THAT(sentence, StartsWith("Keep the base"));
  EXPECT_THAT(sentence, names("test loss", "step 0"));
  const ProgramRun report = temper({"report", "out"});
  EXPECT_THAT(report.err, names(sentence));
  EXPECT_THAT(read("out/report.html"), HasSubstr(sentence));
  EXPECT_THAT(read("out/report.html"), Not(HasSubstr("Use step-")));
  EXPECT_THAT(temper_output({"report", "out", "--markdown"}), StartsWith("# Keep the base"));
  EXPECT_THAT(temper_output({"status", "out"}), names(sentence));
  EXPECT_EQ(parse_json(read("out/step-4/commit.json"), "commit")["eval_best_step"], 0);

  const ProgramRun refused = temper({"export", "out", "-o", "exported"});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(error_message(refused), names(sentence, "out@newest"));
  EXPECT_FALSE(exists("exported"));
  EXPECT_EQ(exported_step("out@newest"), 4);
  EXPECT_EQ(exported_step("out@step-2"), 2);

  const Json recommended = temper_json({"inspect", "out", "--json"})["recommended"];
  EXPECT_EQ(recommended["action"], "keep");
  EXPECT_EQ(evaluated_step("out", "2"), recommended["step"]);
  EXPECT_THAT(generate("out").err, names(sentence));
}

TEST_F(RecommendedCheckpointTest, a_run_that_made_an_adapter_worse_keeps_that_adapter) {
  write_yaml("max_steps: 20\nadapter: lora\n");
  ASSERT_EQ(train("first", 1, {"--set", "learning_rate=1e-2"}).exit_code, 0);
  temper_output({"export", "first", "-o", "adapter"});
  write_yaml(
      "test_datasets: test.h5\nmax_steps: 2\nadapter: lora\nlora_model_dir: adapter\n"
      "lr_scheduler: constant\n");
  const ProgramRun run = train("out", 1, {"--set", "learning_rate=3"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.err, names("Keep the earlier adapter", "step 0"));
  EXPECT_THAT(error_message(temper({"export", "out", "-o", "exported"})),
              names("Keep the earlier adapter"));
}

}  // namespace
}  // namespace temper
