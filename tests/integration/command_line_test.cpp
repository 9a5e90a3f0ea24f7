// temper as a program: help, versions, exit codes, init.
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <chrono>
#include <regex>

#include "workshop.h"

namespace temper {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;
using ::testing::StartsWith;

class CommandLineTest : public Workshop {};

TEST_F(CommandLineTest, help_lists_the_commands) {
  for (const char* word : {"--help", "-h", "help"}) {
    const ProgramRun run = temper({word});
    EXPECT_EQ(run.exit_code, 0);
    EXPECT_EQ(run.err, "");
    for (const char* name : {"init", "pack", "inspect", "tokenize", "render", "new-model", "train",
                             "status", "eval", "generate", "export", "score"}) {
      EXPECT_THAT(run.out, HasSubstr(std::string("\n  ") + name + " "));
    }
  }
}

TEST_F(CommandLineTest, version) {
  EXPECT_THAT(temper_output({"--version"}), MatchesRegex("temper [0-9]+\\.[0-9]+\\.[0-9]+ .*\n"));
}

TEST_F(CommandLineTest, every_command_explains_itself) {
  const std::string help = temper_output({"--help"});
  const std::regex name_in_line("\n  ([a-z-]+) ");
  int num_commands = 0;
  for (std::sregex_iterator name(help.begin(), help.end(), name_in_line), end; name != end;
       ++name) {
    const ProgramRun run = temper({(*name)[1].str(), "--help"});
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_THAT(run.out, HasSubstr("Usage: temper " + (*name)[1].str() + " "));
    EXPECT_THAT(run.out, HasSubstr("--help"));
    EXPECT_THAT(run.out, Not(HasSubstr(" arg ")));
    ++num_commands;
  }
  EXPECT_GE(num_commands, 14);
}

TEST_F(CommandLineTest, help_of_the_front_door_is_quick_and_needs_no_ranks) {
  for (const char* name : {"init", "pack", "inspect", "tokenize", "render", "new-tokenizer",
                           "synth", "train", "status"}) {
    const auto start = std::chrono::steady_clock::now();
    const ProgramRun run =
        temper({name, "--help"}, "", {{"TEMPER_RANK", "/nowhere"}, {"PATH", ""}});
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(1)) << name;
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_THAT(run.out, StartsWith(std::string("Usage: temper ") + name + " "));
  }
}

TEST_F(CommandLineTest, bash_completes_commands_and_options) {
  const auto complete = [&](const std::string& words, int position) {
    return run_captured({"bash", "-c",
                         "PATH=" + std::filesystem::path(TEMPER_PROGRAM).parent_path().string() +
                             ":$PATH; source <(temper completion bash); COMP_WORDS=(" + words +
                             "); COMP_CWORD=" + std::to_string(position) +
                             "; _temper; echo ${COMPREPLY[@]}"})
        .standard_output;
  };
  EXPECT_EQ(complete("temper tok", 1), "tokenize\n");
  EXPECT_EQ(complete("temper pack a.jsonl --overlo", 3), "--overlong\n");
  EXPECT_EQ(temper({"completion", "fish"}).exit_code, 2);
}

TEST_F(CommandLineTest, wrong_use_is_exit_2_and_one_line) {
  ProgramRun run = temper({"trian"});
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_EQ(error_message(run),
            "unknown command \"trian\" (did you mean \"train\"?); `temper --help` lists them");
  run = temper({"pack", "--colour", "red"});
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_THAT(error_message(run), HasSubstr("temper pack --help"));
  EXPECT_EQ(temper({}).exit_code, 2);
  EXPECT_EQ(temper({"train"}).exit_code, 2);
  EXPECT_EQ(temper({"train", "run.yaml", "--nproc", "0"}).exit_code, 2);
}

TEST_F(CommandLineTest, daemon_of_mpirun_is_deaf_to_term) {
  EXPECT_EQ(temper_output({"mpirun-daemon", "sh", "-c", "kill -TERM $$; echo alive"}), "alive\n");
  EXPECT_EQ(temper({"mpirun-daemon", "/nowhere/orted"}).exit_code, 1);
  EXPECT_EQ(temper({"mpirun-daemon"}).exit_code, 2);
}

TEST_F(CommandLineTest, full_standard_output_is_a_failure) {
  const CapturedProcess full =
      run_captured({"sh", "-c", std::string(TEMPER_PROGRAM) + " --help > /dev/full"});
  EXPECT_EQ(full.status.code, 1);
  EXPECT_THAT(full.standard_error, HasSubstr("standard output"));
}

TEST_F(CommandLineTest, missing_temper_rank_is_named) {
  write_model_config();
  write_dataset(20);
  write_run_yaml("");
  const ProgramRun run = temper({"train", "run.yaml"}, "", {{"TEMPER_RANK", "/nowhere/rank"}});
  EXPECT_EQ(run.exit_code, 1);
  EXPECT_THAT(error_message(run), HasSubstr("/nowhere/rank cannot be executed"));
}

TEST_F(CommandLineTest, init_writes_a_project_and_overwrites_nothing) {
  EXPECT_EQ(temper_output({"init", "project"}), "project/run.yaml\nproject/README.md\n");
  EXPECT_THAT(read("project/run.yaml"), HasSubstr("\nbase_model: "));
  EXPECT_THAT(read("project/README.md"), HasSubstr("temper pack"));
  struct stat status {};
  ASSERT_EQ(stat((folder() / "project/run.yaml").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);

  write("project/run.yaml", "mine");
  const ProgramRun again = temper({"init", "project"});
  EXPECT_EQ(again.exit_code, 2);
  EXPECT_EQ(error_message(again), "project/run.yaml is there already; it is left as it is");
  EXPECT_EQ(read("project/run.yaml"), "mine");
}

TEST_F(CommandLineTest, init_here) {
  temper_output({"init"});
  EXPECT_THAT(listing(), ElementsAre("README.md", "run.yaml"));
}

}  // namespace
}  // namespace temper
