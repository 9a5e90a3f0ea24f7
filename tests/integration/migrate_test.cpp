// temper migrate as a program: what it prints plans a run once its datasets are packed.
#include <gmock/gmock.h>

#include "temper_fixture.h"
#include "tests/fixtures/names.h"

namespace temper {
namespace {

using ::testing::HasSubstr;

class MigrateCommandTest : public TemperFixture {};

TEST_F(MigrateCommandTest, a_file_of_axolotl_becomes_a_run) {
  write_model_config();
  write_corpus(40, "facts.jsonl");
  write("axolotl.yml",
        "base_model: ./base\n"
        "datasets:\n"
        "  - {path: facts.jsonl, ds_type: json, type: chat_template, chat_template: chatml}\n"
        "val_set_size: 0.2\n"
        "sequence_len: 64\n"
        "sample_packing: true\n"
        "micro_batch_size: 2\n"
        "gradient_accumulation_steps: 2\n"
        "learning_rate: 1e-3\n"
        "wandb_project: secret\n");
  const ProgramRun run = temper({"migrate", "axolotl.yml", "--nproc", "2"});
  EXPECT_EQ(run.exit_code, 0);
  EXPECT_THAT(run.err, names("axolotl", "1 not"));
  EXPECT_THAT(run.out, HasSubstr("# not carried over: wandb_project ("));
  write("run.yaml", run.out);
  // The corpus has prompts and completions; its format is what --format auto finds.
  temper_output({"pack", "facts.jsonl", "-o", "facts.h5", "--model", "base", "--sequence-len", "64",
                 "--val-split", "0.2"});
  const Json plan =
      temper_json({"train", "run.yaml", "--nproc", "2", "--dry-run", "--json"})["plan"];
  EXPECT_EQ(plan["micro_batches_per_step"], 4);
  EXPECT_EQ(plan["rounds_per_step"], 2);
}

TEST_F(MigrateCommandTest, mistakes_have_a_place_and_exit_code_two) {
  write("x.yml", "colour: blue\n");
  const ProgramRun run = temper({"migrate", "x.yml"});
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_EQ(run.out, "");
  EXPECT_THAT(error_message(run), names("x.yml:1:", "axolotl", "LLaMA-Factory", "TRL"));
  EXPECT_EQ(temper({"migrate", "x.yml", "--nproc", "0"}).exit_code, 2);
  EXPECT_EQ(temper({"migrate"}).exit_code, 2);
}

}  // namespace
}  // namespace temper
