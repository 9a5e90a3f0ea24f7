// run.yaml as `temper train` takes it: mistakes end before any rank starts, --dry-run shows the
// plan.
#include <gmock/gmock.h>

#include "common/version.h"
#include "tests/fixtures/names.h"
#include "workshop.h"

namespace temper {
namespace {

using ::testing::HasSubstr;

class ConfigTest : public Workshop {
 protected:
  ConfigTest() {
    write_model_config();
    write_dataset(40);
  }
  // In the place of ranks: what must not be reached.
  const std::map<std::string, std::string> no_ranks_ = {{"TEMPER_RANK", "/nowhere"}};
};

TEST_F(ConfigTest, misspelt_key) {
  write_run_yaml("lerning_rate: 1e-4\n");
  const ProgramRun run = temper({"train", "run.yaml", "--nproc", "2"}, "", no_ranks_);
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_EQ(run.out, "");
  EXPECT_EQ(error_message(run),
            "run.yaml:4: unknown key \"lerning_rate\" (did you mean \"learning_rate\"?)");
  EXPECT_FALSE(exists("out"));
}

TEST_F(ConfigTest, bf16_on_the_cpu) {
  write_run_yaml("device: cpu\nbf16: true\n");
  EXPECT_EQ(
      error_message(temper({"train", "run.yaml", "--dry-run"})),
      "run.yaml:5: bf16 is true, but device is cpu, which computes in fp32: leave one of them "
      "out");
}

TEST_F(ConfigTest, a_build_without_cuda_refuses_what_needs_it) {
  for (const char* setting : {"device=cuda", "bf16=true"}) {
    write_run_yaml("");
    const ProgramRun run = temper({"train", "run.yaml", "--dry-run", "--set", setting});
    EXPECT_EQ(run.exit_code, kBuiltWithCuda ? 0 : 2) << setting;
    if (kBuiltWithCuda) continue;
    EXPECT_THAT(error_message(run), names("CUDA", "docs/gpu.md")) << setting;
  }
}

TEST_F(ConfigTest, missing_key_wrong_type_missing_file) {
  write("run.yaml", "datasets: train.h5\noutput_dir: out\n");
  EXPECT_THAT(error_message(temper({"train", "run.yaml"}, "", no_ranks_)),
              names("run.yaml", "base_model", "missing"));
  write_run_yaml("max_steps: soon\n");
  EXPECT_EQ(error_message(temper({"train", "run.yaml"}, "", no_ranks_)),
            "run.yaml:4: max_steps is \"soon\"; expected a whole number");
  write_run_yaml("test_datasets: gone.h5\n");
  EXPECT_THAT(error_message(temper({"train", "run.yaml"}, "", no_ranks_)), names("gone.h5"));
  EXPECT_THAT(error_message(temper({"train", "nothing.yaml"}, "", no_ranks_)),
              names("nothing.yaml", "temper init"));
  EXPECT_EQ(error_message(temper({"train", "run.yaml", "--set", "seed=x"}, "", no_ranks_)),
            "--set seed: seed is \"x\"; expected a whole number, 0 or more");
}

TEST_F(ConfigTest, dry_run_prints_configuration_and_plan) {
  write_run_yaml("micro_batch_size: 2\nglobal_batch_size: 8\nnum_epochs: 2\n");
  const int64_t rows = temper_json({"inspect", "train.h5", "--json"})["rows"];
  const Json plan = temper_json({"train", "run.yaml", "--dry-run", "--json", "--nproc", "2",
                                 "--set", "global_batch_size=4"})["plan"];
  EXPECT_EQ(plan["ranks"], 2);
  EXPECT_EQ(plan["rows_per_epoch"], rows);
  EXPECT_EQ(plan["steps"], (2 * rows + 3) / 4);
  EXPECT_EQ(plan["micro_batches_per_step"], 2);
  EXPECT_EQ(plan["rounds_per_step"], 1);

  const std::string text = temper_output({"train", "run.yaml", "--dry-run"});
  EXPECT_THAT(text, HasSubstr("global_batch_size: 8\n"));
  EXPECT_THAT(text, HasSubstr("learning_rate: 0.0002\n"));
  EXPECT_THAT(text, HasSubstr("steps per epoch"));
  EXPECT_FALSE(exists("out"));
}

TEST_F(ConfigTest, too_few_steps_are_said_with_what_makes_more) {
  write_run_yaml("");
  const Json plan =
      temper_json({"train", "run.yaml", "--set", "max_steps=3", "--dry-run", "--json"});
  EXPECT_EQ(
      plan["plan"]["warning"],
      "max_steps ends the run after 3 optimizer steps, too few to learn much in: set it to 20");
}

TEST_F(ConfigTest, what_dry_run_prints_is_a_configuration) {
  write_run_yaml("lora_rank: 4\nadapter: lora\n");
  Json first = temper_json({"train", "run.yaml", "--dry-run", "--json"});
  write("again.yaml", first["config"].get<std::string>());
  Json second = temper_json({"train", "again.yaml", "--dry-run", "--json"});
  // What this machine has free changes from one moment to the next.
  for (Json* plan : {&first, &second}) (*plan)["memory"].erase("available_bytes");
  EXPECT_EQ(first, second);
  EXPECT_THAT(first["config"].get<std::string>(), HasSubstr("lora_r: 4\n"));
}

TEST_F(ConfigTest, more_ranks_than_micro_batches) {
  write_run_yaml("global_batch_size: 2\n");
  const ProgramRun run = temper({"train", "run.yaml", "--nproc", "3", "--dry-run"});
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_THAT(error_message(run), names("3 ranks", "2 micro-batches"));
}

TEST_F(ConfigTest, file_that_is_no_dataset) {
  write("train.h5", "not HDF5 at all");
  write_run_yaml("");
  const ProgramRun run = temper({"train", "run.yaml", "--dry-run"});
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_THAT(error_message(run), names("train.h5"));
}

}  // namespace
}  // namespace temper
