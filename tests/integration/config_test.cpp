// run.yaml as `temper train` takes it: mistakes end before any rank starts, --dry-run shows the
// plan.
#include <gmock/gmock.h>

#include "common/version.h"
#include "temper_fixture.h"
#include "tests/fixtures/names.h"

namespace temper {
namespace {

using ::testing::HasSubstr;

class ConfigTest : public TemperFixture {
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

// What follows the first three lines, and what temper says of it.
const std::pair<const char*, const char*> kWrongFiles[] = {
    {"lora_alfa: 8\n", "run.yaml:4: unknown key \"lora_alfa\" (did you mean \"lora_alpha\"?)"},
    {"seed: 1\nslurm:\n  tim: 1:00:00\n",
     "run.yaml:6: unknown key \"tim\" in slurm (did you mean \"time\"?)"},
    {"test_datasets:\n  - path: train.h5\n    wieght: 2\n",
     "run.yaml:6: unknown key \"wieght\" in test_datasets[0] (did you mean \"weight\"?)"},
    {"max_steps: soon\n", "run.yaml:4: max_steps is \"soon\"; expected a whole number"},
    {"bf16: maybe\n", "run.yaml:4: bf16 is \"maybe\"; expected true or false"},
    {"learning_rate: [1]\n", "run.yaml:4: learning_rate is a list; expected a number"},
    {"learning_rate: 0\n", "run.yaml:4: learning_rate is 0; it must be above 0"},
    {"warmup_ratio: 1\n", "run.yaml:4: warmup_ratio is 1; it must be at least 0 and below 1"},
    {"threads_per_rank: 9999\n", "run.yaml:4: threads_per_rank is 9999; it must be at most 4096"},
    {"sequence_len: 1\n", "run.yaml:4: sequence_len is 1; it must be 0, or at least 2"},
    {"device: gpu\n", "run.yaml:4: device is \"gpu\"; expected one of auto, cpu, cuda"},
    {"slurm: {nodes: 0}\n", "run.yaml:4: slurm.nodes is 0; it must be at least 1"},
    {"max_wall_time: 90m\n",
     "run.yaml:4: max_wall_time is \"90m\"; expected seconds or H:MM:SS, e.g. 5400 or 1:30:00"},
    {"fp16: true\n",
     "run.yaml:4: \"fp16\" is no key of run.yaml: use bf16, or leave it out for fp32"},
};

TEST_F(ConfigTest, a_wrong_file_ends_with_its_place_and_the_nearest_name) {
  for (const auto& [lines, message] : kWrongFiles) {
    write_run_yaml(lines);
    const ProgramRun run = temper({"train", "run.yaml"}, "", no_ranks_);
    EXPECT_EQ(run.exit_code, 2) << lines;
    EXPECT_EQ(error_message(run), message);
  }
  EXPECT_FALSE(exists("out"));
}

TEST_F(ConfigTest, the_learning_rate_of_lora_is_another) {
  write_run_yaml("adapter: lora\n");
  EXPECT_THAT(temper_output({"train", "run.yaml", "--dry-run"}),
              HasSubstr("learning_rate: 0.0002\n"));
}

TEST_F(ConfigTest, a_ported_batch_is_said_beside_what_it_was) {
  write_run_yaml("micro_batch_size: 2\ngradient_accumulation_steps: 8\n");
  const auto plan = [&](const std::string& ranks) {
    return temper_json({"train", "run.yaml", "--nproc", ranks, "--dry-run", "--json"})["plan"];
  };
  EXPECT_THAT(plan("4").value("batch_note", ""),
              names("global batch: 16 rows; axolotl with 4 processes: 64"));
  EXPECT_FALSE(plan("1").contains("batch_note"));
  write_run_yaml("per_device_train_batch_size: 2\n");
  const ProgramRun run = temper({"train", "run.yaml", "--nproc", "4", "--dry-run"});
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_THAT(error_message(run), names("4 ranks", "transformers with 4 processes: 8"));
}

TEST_F(ConfigTest, schema_and_reference_are_printed) {
  const Json schema = temper_json({"schema"});
  EXPECT_EQ(schema.at("properties").at("lora_r").at("type"), "integer");
  EXPECT_THAT(temper_output({"schema", "--markdown"}), HasSubstr("\n### lora_r\n"));
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
  EXPECT_THAT(text, HasSubstr("learning_rate: 1e-05\n"));
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
