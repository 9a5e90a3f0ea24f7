// temper as a program: help, versions, exit codes, init.
#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <string>
#include <vector>

#include "common/cli/commands.h"
#include "common/cli/help_text.h"
#include "io/atomic_file.h"
#include "temper_fixture.h"
#include "tests/fixtures/names.h"

namespace temper {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::StartsWith;

class CommandLineTest : public TemperFixture {};

// Others on the machine do not count.
double processor_seconds_of_children() {
  rusage usage{};
  getrusage(RUSAGE_CHILDREN, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

TEST_F(CommandLineTest, help_lists_the_commands) {
  for (const char* word : {"--help", "-h", "help"}) {
    const ProgramRun run = temper({word});
    EXPECT_EQ(run.exit_code, 0);
    EXPECT_EQ(run.err, "");
    EXPECT_EQ(run.out, general_help(all_commands()));
  }
}

TEST_F(CommandLineTest, version) {
  EXPECT_THAT(temper_output({"--version"}), MatchesRegex("temper [0-9]+\\.[0-9]+\\.[0-9]+ .*\n"));
}

TEST_F(CommandLineTest, every_command_explains_itself) {
  for (const CommandSpec& command : all_commands()) {
    for (const std::vector<std::string>& words : {std::vector<std::string>{command.name, "--help"},
                                                  {command.name, "-h"},
                                                  {"help", command.name}}) {
      const ProgramRun run = temper(words);
      EXPECT_EQ(run.exit_code, 0) << command.name << ": " << run.err;
      EXPECT_EQ(run.err, "") << command.name;
      EXPECT_EQ(run.out, help_text(command));
    }
  }
  EXPECT_THAT(error_message(temper({"help", "trian"})), names("\"trian\"", "\"train\""));
}

// The page in the repository is what the program writes.
TEST_F(CommandLineTest, reference_page_is_not_stale) {
  EXPECT_EQ(temper_output({"help", "--as", "markdown"}),
            read_file(std::filesystem::path(TEMPER_SOURCE_DIR) / "docs/reference/commands.md"))
      << "temper help --as markdown > docs/reference/commands.md";
}

TEST_F(CommandLineTest, help_of_the_front_door_is_quick_and_needs_no_ranks) {
  for (const char* name : {"init", "pack", "inspect", "tokenize", "render", "new-tokenizer",
                           "synth", "train", "status"}) {
    const double before = processor_seconds_of_children();
    const ProgramRun run =
        temper({name, "--help"}, "", {{"TEMPER_RANK", "/nowhere"}, {"PATH", ""}});
    EXPECT_LT(processor_seconds_of_children() - before, 1.0) << name;
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_THAT(run.out, StartsWith(std::string("Usage: temper ") + name + " "));
  }
}

TEST_F(CommandLineTest, bash_completes_commands_options_and_values) {
  const auto complete = [&](const std::string& words, int position) {
    return run_captured({"bash", "-c",
                         "PATH=" + std::filesystem::path(TEMPER_PROGRAM).parent_path().string() +
                             ":$PATH; source <(temper completion bash); COMP_WORDS=(" + words +
                             "); COMP_CWORD=" + std::to_string(position) +
                             "; _temper; echo ${COMPREPLY[@]}"})
        .standard_output;
  };
  EXPECT_EQ(complete("temper tok", 1), "tokenize\n");
  EXPECT_EQ(complete("temper help tok", 2), "tokenize\n");
  EXPECT_EQ(complete("temper pack a.jsonl --overlo", 3), "--overlong\n");
  EXPECT_EQ(complete("temper pack a.jsonl --overlong tr", 4), "truncate\n");
  EXPECT_EQ(complete("temper eval --dev", 2), "--device\n");
  EXPECT_THAT(error_message(temper({"completion", "tcsh"})), names("tcsh", "bash"));
}

#ifdef TEMPER_ZSH
TEST_F(CommandLineTest, zsh_takes_its_completion) {
  const CapturedProcess run =
      run_captured({TEMPER_ZSH, "-fc",
                    "autoload -Uz compinit; compinit -D; source <(" TEMPER_PROGRAM
                    " completion zsh); print $_comps[temper]; _temper_test=1; whence -w _temper"});
  EXPECT_EQ(run.standard_error, "");
  EXPECT_EQ(run.standard_output, "_temper\n_temper: function\n");
}
#endif

#ifdef TEMPER_FISH
TEST_F(CommandLineTest, fish_completes) {
  const CapturedProcess run = run_captured(
      {TEMPER_FISH, "--no-config", "-c",
       TEMPER_PROGRAM " completion fish | source; complete -C 'temper pack --overlong tr'; "
                      "complete -C 'temper toke'; complete -C 'temper eval --dev'"});
  EXPECT_EQ(run.standard_error, "");
  EXPECT_THAT(run.standard_output, HasSubstr("truncate"));
  EXPECT_THAT(run.standard_output, HasSubstr("tokenize"));
  EXPECT_THAT(run.standard_output, HasSubstr("--device"));
}
#endif

TEST_F(CommandLineTest, wrong_use_is_exit_2_and_one_line) {
  ProgramRun run = temper({"trian"});
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_EQ(error_message(run),
            "unknown command \"trian\" (did you mean \"train\"?); `temper --help` lists them");
  run = temper({"pack", "--colour", "red"});
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_THAT(error_message(run), names("temper pack --help"));
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
  EXPECT_THAT(full.standard_error, names("standard output"));
}

TEST_F(CommandLineTest, missing_temper_rank_is_named) {
  write_model_config();
  write_dataset(20);
  write_run_yaml("");
  const ProgramRun run = temper({"train", "run.yaml"}, "", {{"TEMPER_RANK", "/nowhere/rank"}});
  EXPECT_EQ(run.exit_code, 1);
  EXPECT_THAT(error_message(run), names("/nowhere/rank", "TEMPER_RANK"));
}

TEST_F(CommandLineTest, init_writes_a_project_and_overwrites_nothing) {
  EXPECT_EQ(temper_output({"init", "project"}),
            "project/run.yaml\nproject/run.schema.json\nproject/README.md\n");
  EXPECT_THAT(read("project/run.yaml"), HasSubstr("\nbase_model: "));
  EXPECT_THAT(read("project/run.yaml"),
              StartsWith("# yaml-language-server: $schema=run.schema.json\n"));
  EXPECT_EQ(read("project/run.schema.json"), temper_output({"schema"}));
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
  EXPECT_THAT(listing(), ElementsAre("README.md", "run.schema.json", "run.yaml"));
}

}  // namespace
}  // namespace temper
