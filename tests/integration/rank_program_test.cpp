// temper-rank as mpirun starts it, for the commands that are one rank's work.
#include <gmock/gmock.h>

#include <unistd.h>

#include "launcher/ranks/process.h"
#include "temper_fixture.h"
#include "tests/fixtures/names.h"

namespace temper {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class RankProgramTest : public TemperFixture {
 protected:
  CapturedProcess run_on_two(const std::vector<std::string>& arguments) {
    std::vector<std::string> command = {"mpirun", "--quiet", "--oversubscribe", "--bind-to", "none",
                                        "-n",     "2",       TEMPER_RANK};
    if (geteuid() == 0) command.insert(command.begin() + 1, "--allow-run-as-root");
    command.insert(command.end(), arguments.begin(), arguments.end());
    ProcessOptions options;
    options.directory = folder().string();
    return run_captured(command, "", options, std::chrono::minutes(2));
  }
};

TEST_F(RankProgramTest, one_rank_makes_the_model) {
  write_model_config();
  const CapturedProcess run = run_on_two({"new-model", "--config", "base/config.json",
                                          "--tokenizer", "base/tokenizer.json", "-o", "model"});
  EXPECT_EQ(run.status.shell_code(), 0) << run.standard_error;
  EXPECT_THAT(listing(), ElementsAre("base", "model"));
  for (const char* command : {"new-model", "score"}) {
    const std::string help = run_on_two({command, "--help"}).standard_output;
    ASSERT_NE(help.find("Usage"), help.npos);
    EXPECT_EQ(help.find("Usage"), help.rfind("Usage")) << command;
  }
}

TEST_F(RankProgramTest, one_rank_refuses_the_scores) {
  const CapturedProcess run =
      run_on_two({"score", "--model", "none", "--input", "i", "--output", "o"});
  EXPECT_EQ(run.status.shell_code(), 2);
  EXPECT_EQ(run.standard_error.find("error"), run.standard_error.rfind("error"))
      << run.standard_error;
}

TEST_F(RankProgramTest, threads_that_cannot_be_are_refused) {
  for (const char* threads : {"0", "-1", "1000000"}) {
    for (const char* command : {"generate", "eval", "export"}) {
      const ProgramRun run = temper({command, "base", "--threads", threads});
      EXPECT_EQ(run.exit_code, 2) << command;
      EXPECT_THAT(error_message(run), names("--threads " + std::string(threads))) << command;
    }
  }
}

TEST_F(RankProgramTest, results_replace_only_results) {
  write_model_config();
  temper_output({"new-model", "--config", "base/config.json", "--tokenizer", "base/tokenizer.json",
                 "-o", "model"});
  write("questions.jsonl", R"({"prompt": "Why?", "completion": "So."})");
  write("notes.jsonl", "mine");
  std::vector<std::string> eval = {"eval",  "--model",     "model",           "--chat-template",
                                   "plain", "--questions", "questions.jsonl", "--max-new-tokens",
                                   "2",     "-o",          "notes.jsonl"};
  const ProgramRun refused = temper(eval);
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(error_message(refused), names("notes.jsonl", "temper eval"));
  EXPECT_EQ(read("notes.jsonl"), "mine");
  eval.back() = "answers.jsonl";
  temper_output(eval);
  temper_output(eval);
  EXPECT_THAT(read("answers.jsonl"), HasSubstr("exact_match"));

  const std::string weights = read("model/model.safetensors");
  const ProgramRun score =
      temper({"score", "--model", "model", "--input", "i", "--output", "model/model.safetensors"});
  EXPECT_EQ(score.exit_code, 2);
  EXPECT_EQ(read("model/model.safetensors"), weights);
  const ProgramRun missing =
      temper({"score", "--model", "model", "--input", "none.safetensors", "--output", "out"});
  EXPECT_EQ(missing.exit_code, 2);
  EXPECT_THAT(error_message(missing), names("none.safetensors", "No such file"));
  write_corpus(20);
  const ProgramRun tokenizer =
      temper({"new-tokenizer", "train.jsonl", "-o", "base/tokenizer.json"});
  EXPECT_EQ(tokenizer.exit_code, 2);
  for (int again = 0; again < 2; ++again) {
    temper_output({"new-tokenizer", "train.jsonl", "--vocab-size", "270", "-o", "mine.json"});
  }
}

}  // namespace
}  // namespace temper
