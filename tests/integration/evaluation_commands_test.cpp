// Multiple choice, the page that follows a run, and a sweep with its frontier, as a user runs them.
#include <gmock/gmock.h>

#include <cmath>

#include "common/error.h"
#include "tests/fixtures/names.h"
#include "tests/fixtures/wait_until.h"
#include "training_fixture.h"

namespace temper {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class EvaluationCommandsTest : public TrainingFixture {};

TEST_F(EvaluationCommandsTest, choices_are_told_apart_on_any_number_of_ranks) {
  write_yaml("max_steps: 30\n");
  ASSERT_EQ(train("out", 1, {"--set", "learning_rate=1e-2"}).exit_code, 0);
  std::string lines;
  for (int i = 0; i < 5; ++i) {
    lines += Json{{"prompt", fmt::format("What is number {}?", i)},
                  {"choices", {"ZQXJ~^|", fmt::format("It is {}.", i * 7), "#@{}[]<>"}},
                  {"answer", i == 4 ? 0 : 1}}  // the last is marked wrongly
                 .dump() +
             "\n";
  }
  write("choices.jsonl", lines);
  const std::vector<std::string> command = {"eval", "out", "--choices", "choices.jsonl", "--json"};
  const Json alone = temper_json(command);
  const Json& choices = alone["choices"];
  EXPECT_EQ(choices["questions"], 5);
  EXPECT_DOUBLE_EQ(choices["accuracy_per_byte"]["value"], 0.8);
  EXPECT_LT(choices["accuracy_per_byte"]["low"], 0.8);
  EXPECT_GT(choices["accuracy_per_byte"]["high"], 0.8);
  EXPECT_EQ(parse_json(read("out/eval/step-30.json"), "kept")["choices"], choices);
  std::vector<std::string> on_two = command;
  on_two.insert(on_two.end(), {"--nproc", "2"});
  EXPECT_EQ(temper_json(on_two)["choices"], choices);
  EXPECT_THAT(temper_output({"eval", "out", "--choices", "choices.jsonl", "--base"}),
              HasSubstr("choice"));
  temper_output({"report", "out"});
  EXPECT_THAT(read("out/report.html"), HasSubstr("multiple choice, by byte"));

  write("broken.jsonl", R"({"prompt": "secret?", "choices": ["a", "b"], "answer": 2})");
  const ProgramRun refused = temper({"eval", "out", "--choices", "broken.jsonl"});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(error_message(refused), names("broken.jsonl:1"));
  EXPECT_THAT(refused.err, Not(names("secret")));
}

TEST_F(EvaluationCommandsTest, sets_are_called_as_in_training) {
  for (const char* name : {"a", "b"}) {
    write_dataset(20, 64, "x");
    std::filesystem::create_directory(folder() / name);
    std::filesystem::rename(folder() / "x.h5", folder() / name / "x.h5");
  }
  write_yaml("max_steps: 2\ntest_datasets: [a/x.h5, b/x.h5]\n");
  ASSERT_EQ(train("out", 1).exit_code, 0);
  std::set<std::string> trained, evaluated;
  for (const Json& line : metrics("out", "eval")) trained.insert(line["set"].get<std::string>());
  const Json figures = temper_json({"eval", "out", "--json"});
  for (const Json& set : figures["sets"]) {
    evaluated.insert(set["name"].get<std::string>());
  }
  EXPECT_EQ(evaluated, (std::set<std::string>{"test/a/x", "test/b/x"}));
  EXPECT_EQ(evaluated, trained);

  const ProgramRun refused = temper({"eval", "out", "--data", "a/x.h5", "--data", "b/x.h5"});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(error_message(refused), names("--data b/x.h5", "a/x.h5", "NAME=FILE.h5"));
}

TEST_F(EvaluationCommandsTest, the_page_follows_the_run_to_its_end) {
  write_yaml("max_steps: 400\n");
  const pid_t run = start_temper("train", train_arguments("out", 1, {}));
  wait_for_step("out", 1);
  const pid_t follower = start_temper("follow", {"report", "out", "--follow"});
  ASSERT_TRUE(wait_until([&] { return exists("out/report.html"); }));
  EXPECT_THAT(read("out/report.html"), HasSubstr("http-equiv=\"refresh\""));
  kill(run, SIGTERM);
  EXPECT_EQ(wait_for_process(run).shell_code(), kExitStopped);
  EXPECT_EQ(wait_for_process(follower).shell_code(), 0) << read("follow.err");
  EXPECT_THAT(read("out/report.html"), Not(HasSubstr("http-equiv=\"refresh\"")));
  EXPECT_THAT(read("out/report.html"), HasSubstr("The run was stopped"));
}

TEST_F(EvaluationCommandsTest, a_sweep_draws_its_frontier) {
  write_dataset(20, 64, "test");
  write_dataset(40, 64, "general");
  write_yaml("test_datasets: test.h5\ngeneral_datasets: general.h5\nadapter: lora\n");
  const std::vector<std::string> command = {
      "sweep",  "run.yaml",     "-o",     "sweep",      "--replay", "general.h5",
      "--over", "replay=0,0.2", "--over", "lora_r=2,4", "--over",   "learning_rate=1e-3,1e-2"};
  const ProgramRun run = temper(command);
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("sweep/frontier.html"));
  const std::string page = read("sweep/frontier.html");
  EXPECT_THAT(page, HasSubstr("frontier: no run is better in both"));
  EXPECT_THAT(page, HasSubstr("What was learned against what was forgotten"));
  for (const char* name :
       {"replay=0,lora_r=2,learning_rate=1e-3", "replay=0.2,lora_r=4,learning_rate=1e-2"}) {
    EXPECT_THAT(page, HasSubstr(name));
    EXPECT_TRUE(exists(fmt::format("sweep/{}/latest", name))) << name;
  }
  const std::string one = "sweep/replay=0,lora_r=2,learning_rate=1e-3";
  const std::vector<Json> steps = metrics(one, "step");
  ASSERT_EQ(temper(command).exit_code, 0) << "finds all of it done";
  EXPECT_EQ(metrics(one, "step"), steps);

  EXPECT_THAT(error_message(temper({"sweep", "run.yaml", "-o", "s", "--over", "replay=0.1"})),
              names("--replay FILE.h5"));
  EXPECT_THAT(error_message(temper({"sweep", "run.yaml", "-o", "s", "--over", "lerning_rate=1"})),
              names("lerning_rate"));
  EXPECT_FALSE(exists("s"));
}

TEST_F(EvaluationCommandsTest, planted_canaries_are_found_where_they_were_trained_on) {
  temper_output({"synth", "--canaries", "2", "-o", "canaries"});
  std::string lines;
  for (int i = 0; i < 20; ++i) lines += read("canaries/canaries.jsonl");
  write("planted.jsonl", lines);
  temper_output({"pack", "planted.jsonl", "-o", "planted.h5", "--tokenizer", "tokenizer.json",
                 "--sequence-len", "128", "--no-hygiene"});
  write_yaml("max_steps: 200\n");
  ASSERT_EQ(
      train("with", 1, {"--set", "datasets=[{path: planted.h5}]", "--set", "learning_rate=1e-2"})
          .exit_code,
      0);
  ASSERT_EQ(train("without", 1, {"--set", "max_steps=20"}).exit_code, 0);
  const auto audit = [&](const std::string& run) {
    return temper_json({"eval", run, "--canaries", "canaries/canaries.jsonl", "--json"});
  };
  const Json found = audit("with")["memorisation"];
  EXPECT_EQ(found["canaries"]["found"], 2);
  EXPECT_EQ(found["memorises"], true);
  const Json none = audit("without")["memorisation"];
  EXPECT_EQ(none["canaries"]["found"], 0);
  EXPECT_EQ(none["memorises"], false);
  temper_output({"report", "with"});
  EXPECT_THAT(read("with/report.html"), HasSubstr(found["verdict"].get<std::string>()));
}

TEST_F(EvaluationCommandsTest, empty_sets_are_refused_by_name) {
  ASSERT_EQ(train("out", 1, {"--set", "max_steps=1"}).exit_code, 0);
  write("empty.jsonl", "\n");
  for (const char* option : {"--questions", "--choices", "--memorisation", "--canaries"}) {
    const ProgramRun run = temper({"eval", "out", option, "empty.jsonl"});
    EXPECT_EQ(run.exit_code, 2) << option;
    EXPECT_THAT(error_message(run), names("empty.jsonl", "no question")) << option;
  }
}

TEST_F(EvaluationCommandsTest, held_out_sets_that_are_trained_on_are_named) {
  write_dataset(5, 64, "test");  // the first of the training data's records
  write("other.jsonl", R"({"prompt": "Something", "completion": "else altogether"})");
  temper_output({"pack", "other.jsonl", "-o", "general.h5", "--tokenizer", "tokenizer.json",
                 "--sequence-len", "64"});
  write_yaml("max_steps: 1\ntest_datasets: test.h5\ngeneral_datasets: general.h5\n");
  const ProgramRun run = train("out", 1);
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.err, names("test/test", "5 of its 5", "--overlap drop"));
  EXPECT_THAT(run.err, Not(names("general/general: ")));
  temper_output({"report", "out"});
  EXPECT_THAT(read("out/report.html"), names("5 of its 5"));
}

}  // namespace
}  // namespace temper
