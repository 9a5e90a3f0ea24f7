#include "launcher/slurm/shell_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/error.h"
#include "launcher/ranks/process.h"
#include "tests/fixtures/names.h"
#include "tests/unit/error_text.h"

namespace temper {
namespace {

TEST(ShellText, plain_words_stay_as_they_are) {
  for (const char* word : {"train", "--set", "learning_rate=1e-4", "/runs/a.b:c,d@e+f%g", "-"}) {
    EXPECT_EQ(shell_quoted(word), word);
  }
  EXPECT_EQ(shell_quoted(""), "''");
  EXPECT_EQ(shell_command({"temper", "train", "my run.yaml"}), "temper train 'my run.yaml'");
  EXPECT_EQ(shell_command({}), "");
}

// What a shell makes of a quoted word is the word.
TEST(ShellText, shell_expands_nothing) {
  for (const std::string word :
       {"a b", "it's", "''", "$(id)", "`id`", "${HOME}", "a\\b", "a\nb", "*", "~", "!x", "a;b&c|d",
        "#x", "\xc3\xbc", "--o=\"x\"", "'; exit 3; '"}) {
    const CapturedProcess shell =
        run_captured({"/bin/sh", "-c", "printf %s " + shell_quoted(word)});
    EXPECT_EQ(shell.status.code, 0) << word;
    EXPECT_EQ(shell.standard_output, word);
  }
}

TEST(ShellText, path_of_an_sbatch_line) {
  EXPECT_EQ(sbatch_path("/runs/first", "output_dir"), "/runs/first");
  EXPECT_EQ(sbatch_path("/my runs/first", "output_dir"), "\"/my runs/first\"");
  for (const char* path : {"/a\"b", "/a'b", "/a\\b", "/a%jb", "/a\nb", "/a\x7f"}) {
    EXPECT_THAT(error_text<UserError>([&] { sbatch_path(path, "output_dir"); }),
                names("output_dir", "code "))
        << path;
  }
  EXPECT_THAT(error_text<UserError>([] { sbatch_path("/a%b", "output_dir"); }),
              names("output_dir", "code 37"));
}

}  // namespace
}  // namespace temper
