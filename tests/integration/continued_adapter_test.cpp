// Training that goes on with an existing adapter (lora_model_dir).
#include <gmock/gmock.h>

#include "tests/fixtures/names.h"
#include "training_fixture.h"

namespace temper {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class ContinuedAdapterTest : public TrainingFixture {
 protected:
  ContinuedAdapterTest() {
    write_yaml(
        "max_steps: 3\nadapter: lora\nlora_r: 4\nlora_alpha: 12\nlr_scheduler: constant\n"
        "lora_target_modules: [q_proj, up_proj]\nlora_modules_to_save: [lm_head]\n");
    EXPECT_EQ(train("first", 2).exit_code, 0);
    temper_output({"export", "first", "-o", "adapter"});
    temper_output({"export", "first", "-o", "merged", "--merge"});
    write_yaml("max_steps: 4\nadapter: lora\nlora_model_dir: adapter\nlr_scheduler: constant\n");
  }

  double first_loss(const std::string& output) {
    std::ifstream lines(folder() / output / "metrics.jsonl");
    for (std::string line; std::getline(lines, line);) {
      const Json event = parse_json(line, "metrics");
      if (event["event"] == "step" && event["step"] == 1) return event["loss"];
    }
    ADD_FAILURE() << "no step 1 in " << output;
    return 0.0;
  }
  Json exported_config(const std::string& output) {
    return read_json_file(folder() / output / "adapter_config.json");
  }
};

TEST_F(ContinuedAdapterTest, goes_on_from_its_weights_with_its_settings) {
  ASSERT_EQ(train("second", 2).exit_code, 0);
  write("merged.yaml",
        "base_model: merged\ndatasets: [{path: train.h5}]\nglobal_batch_size: 4\nmax_steps: 1\n"
        "output_dir: from_merged\nlogging_steps: 1\n");
  temper_output({"train", "merged.yaml"});
  write("fresh.yaml",
        "base_model: model\ndatasets: [{path: train.h5}]\nglobal_batch_size: 4\nmax_steps: 1\n"
        "output_dir: fresh\nlogging_steps: 1\n");
  temper_output({"train", "fresh.yaml"});
  EXPECT_NEAR(first_loss("second"), first_loss("from_merged"), 1e-5);
  EXPECT_GT(std::abs(first_loss("second") - first_loss("fresh")), 1e-3);

  temper_output({"export", "second", "-o", "again"});
  Json before = exported_config("adapter"), after = exported_config("again");
  EXPECT_EQ(after, before);
  EXPECT_EQ(after["r"], 4);
  EXPECT_EQ(after["modules_to_save"], Json({"lm_head"}));
  const Json plan =
      temper_json({"train", "run.yaml", "--set", "output_dir=o", "--dry-run", "--json"});
  EXPECT_THAT(plan["config"].get<std::string>(),
              AllOf(HasSubstr("lora_r: 4\n"), HasSubstr("lora_target_modules: [q_proj, up_proj]")));
}

TEST_F(ContinuedAdapterTest, patterns_live_on_without_the_directory) {
  Json config = exported_config("adapter");
  config["alpha_pattern"] = {{"q_proj", 3}};
  write("adapter/adapter_config.json", config.dump());
  ASSERT_EQ(train("second", 1).exit_code, 0);
  std::filesystem::rename(folder() / "adapter", folder() / "moved");
  temper_output({"export", "second", "-o", "again"});
  EXPECT_EQ(exported_config("again")["alpha_pattern"], (Json{{"q_proj", 3}}));
}

TEST_F(ContinuedAdapterTest, resumes_to_the_same_end_but_only_with_the_same_adapter) {
  ASSERT_EQ(train("whole", 2).exit_code, 0);
  ASSERT_EQ(train("parts", 1, {"--set", "max_steps=2"}).exit_code, 0);
  ASSERT_EQ(train("parts", 2).exit_code, 0);
  EXPECT_EQ(latest("parts")["state_hash"], latest("whole")["state_hash"]);
  temper_output({"export", "whole", "-o", "adapter"});
  const ProgramRun refused = train("parts", 1, {"--set", "max_steps=5"});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(error_message(refused), names("output_dir", "/parts", "lora_model_dir"));
  write_yaml(
      "max_steps: 4\nadapter: lora\nlr_scheduler: constant\nlora_r: 4\nlora_alpha: 12\n"
      "lora_target_modules: [q_proj, up_proj]\nlora_modules_to_save: [lm_head]\n");
  EXPECT_THAT(error_message(train("parts", 1)), names("output_dir", "/parts", "lora_model_dir"));
}

TEST_F(ContinuedAdapterTest, refuses_contradictions_and_another_base) {
  const ProgramRun rank = train("second", 2, {"--set", "lora_r=8"});
  EXPECT_EQ(rank.exit_code, 2);
  EXPECT_THAT(error_message(rank), names("lora_r: 8", "\"r\": 4"));
  const ProgramRun dry = train("second", 1, {"--set", "lora_r=8", "--dry-run"});
  EXPECT_EQ(error_message(dry), error_message(rank));

  temper_output({"new-model", "--config", "base/config.json", "--tokenizer", "base/tokenizer.json",
                 "-o", "other", "--seed", "5"});
  const ProgramRun base = train("second", 2, {"--set", "base_model=other"});
  EXPECT_EQ(base.exit_code, 2);
  EXPECT_THAT(error_message(base), names("adapter: ", "other (hash "));
  const ProgramRun score = temper({"score", "--model", "other", "--adapter", "adapter", "--input",
                                   "x.safetensors", "--output", "y.safetensors"});
  EXPECT_EQ(score.exit_code, 2);
  EXPECT_THAT(error_message(score), names("adapter: ", "other (hash "));
  EXPECT_FALSE(exists("second"));
}

}  // namespace
}  // namespace temper
