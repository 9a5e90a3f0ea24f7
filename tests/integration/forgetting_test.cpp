// A run that destroys what its base knew, its budget, and the report of it.
#include <gmock/gmock.h>

#include "tests/fixtures/names.h"
#include "training_fixture.h"

namespace temper {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class ForgettingTest : public TrainingFixture {
 protected:
  ForgettingTest() {
    write_dataset(20, 64, "test");
    write_dataset(40, 64, "general");
    // The rate rises until it destroys the model.
    write_yaml(
        "test_datasets: test.h5\ngeneral_datasets: general.h5\nmax_steps: 40\nwarmup_steps: 40\n"
        "lr_scheduler: constant\neval_steps: 1\nsave_steps: 1\nsave_total_limit: 0\n"
        "max_forgetting: 0.02\n");
  }
  ProgramRun destroy(const std::vector<std::string>& more = {}, int num_ranks = 1) {
    std::vector<std::string> arguments = {"--set", "learning_rate=0.8"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return train("out", num_ranks, arguments);
  }
  Json last_event(const std::string& name) {
    Json last;
    std::istringstream lines(read("out/metrics.jsonl"));
    for (std::string line; std::getline(lines, line);) {
      const Json entry = parse_json(line, "metrics");
      if (entry["event"] == name) last = entry;
    }
    return last;
  }
};

TEST_F(ForgettingTest, the_budget_stops_the_run_and_names_the_checkpoint) {
  const ProgramRun run = destroy();
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const Json verdict = last_event("forgetting");
  EXPECT_LT(verdict["step"], 40);
  EXPECT_GT(verdict["rise"], 0.02);
  const int64_t use = verdict["use_step"];
  ASSERT_GT(use, 0);
  EXPECT_LT(use, verdict["step"].get<int64_t>());
  EXPECT_THAT(run.err, names("max_forgetting", "2.0 %", fmt::format("out: step-{}, ", use)));
  // The same command finds nothing more to do.
  EXPECT_EQ(destroy().exit_code, 0);
  EXPECT_EQ(last_event("step")["step"], verdict["step"]);

  const Json report = temper_json({"report", "out", "--json"});
  EXPECT_EQ(report["verdict"]["checkpoint"], fmt::format("out/step-{}", use));
  EXPECT_EQ(report["forgetting"]["budget"], 0.02);
  temper_output({"report", "out"});
  EXPECT_THAT(read("out/report.html"), HasSubstr(fmt::format("Use step-{}", use)));
}

TEST_F(ForgettingTest, warns_and_goes_on_where_that_is_asked) {
  const ProgramRun run =
      destroy({"--set", "on_forgetting=warn", "--set", "max_steps=12", "--set", "warmup_steps=12"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.err, names("% above", "max_forgetting", "2.0 %"));
  EXPECT_EQ(last_event("step")["step"], 12);
}

TEST_F(ForgettingTest, keeps_the_best_checkpoint_within_the_budget) {
  ASSERT_EQ(destroy({"--set", "save_total_limit=1"}).exit_code, 0);
  const int64_t use = last_event("forgetting")["use_step"];
  EXPECT_GT(use, 0);
  EXPECT_TRUE(exists(fmt::format("out/step-{}", use)));
}

TEST_F(ForgettingTest, what_is_over_the_budget_is_exported_only_when_that_is_asked) {
  ASSERT_EQ(destroy().exit_code, 0);
  const int64_t use = last_event("forgetting")["use_step"];
  const ProgramRun refused = temper({"export", "out@newest", "-o", "exported"});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(
      error_message(refused),
      names("max_forgetting", "2.0 %", fmt::format("out/step-{},", use), "--allow-forgetting"));
  EXPECT_THAT(error_message(refused), Not(names("--lora-scale")));
  EXPECT_FALSE(exists("exported"));

  const Json within = temper_json({"export", "out", "-o", "within", "--json"});
  EXPECT_EQ(within["source"]["step"], use);
  EXPECT_LE(within["source"]["forgetting"]["rise"], 0.02);
  const Json allowed =
      temper_json({"export", "out@newest", "-o", "over", "--allow-forgetting", "--json"});
  EXPECT_GT(allowed["source"]["forgetting"]["rise"], 0.02);
  EXPECT_EQ(allowed["source"]["forgetting"]["max_forgetting"], 0.02);
}

TEST_F(ForgettingTest, a_run_without_a_checkpoint_within_the_budget_keeps_the_base) {
  ASSERT_EQ(destroy({"--set", "max_steps=12", "--set", "warmup_steps=12", "--set",
                     "on_forgetting=warn", "--set", "eval_steps=12", "--set", "save_steps=12"})
                .exit_code,
            0);
  EXPECT_EQ(last_event("forgetting")["use_step"], -1);
  const Json verdict = temper_json({"report", "out", "--json"})["verdict"];
  EXPECT_EQ(verdict["headline"],
            "Keep the base: no checkpoint is within the forgetting budget of 2.0 %");
  EXPECT_THAT(error_message(temper({"export", "out", "-o", "exported"})),
              names(verdict["headline"].get<std::string>()));
  EXPECT_THAT(error_message(temper({"export", "out", "-o", "exported", "--allow-forgetting"})),
              names("Keep the base", "step 0"));
  EXPECT_EQ(temper({"export", "out@newest", "-o", "exported", "--allow-forgetting"}).exit_code, 0);
}

TEST_F(ForgettingTest, a_checkpoint_that_was_not_measured_is_not_exported) {
  ASSERT_EQ(destroy({"--set", "max_steps=3", "--set", "warmup_steps=3"}).exit_code, 0);
  std::filesystem::remove(folder() / "out/metrics.jsonl");
  EXPECT_THAT(error_message(temper({"export", "out", "-o", "exported"})),
              names("not measured", "max_forgetting", "--allow-forgetting"));
  EXPECT_EQ(temper({"export", "out", "-o", "exported", "--allow-forgetting"}).exit_code, 0);
}

TEST_F(ForgettingTest, a_share_of_the_adapter_within_the_budget_is_exported) {
  // A base that knows the general text, which the domain has nothing of.
  std::string lines;
  for (int i = 0; i < 40; ++i) {
    lines += Json{{"text", fmt::format("ZQXJ~^|{}#@{{}}[]<>%&ZQXJ~^|#@{{}}", i)}}.dump() + "\n";
  }
  write("general.jsonl", lines);
  temper_output({"pack", "general.jsonl", "-o", "general.h5", "--tokenizer", "tokenizer.json",
                 "--sequence-len", "64", "--no-hygiene"});
  write_yaml("max_steps: 20\n");
  ASSERT_EQ(
      train("first", 1, {"--set", "datasets=[{path: general.h5}]", "--set", "learning_rate=1e-2"})
          .exit_code,
      0);
  temper_output({"export", "first", "-o", "taught"});
  write_yaml(
      "test_datasets: test.h5\ngeneral_datasets: general.h5\nmax_steps: 20\nadapter: lora\n"
      "max_forgetting: 0.5\non_forgetting: warn\neval_steps: 10\n");
  ASSERT_EQ(
      train("out", 1, {"--set", "base_model=taught", "--set", "learning_rate=2e-2"}).exit_code, 0);
  const auto export_scaled = [&](const std::string& scale) {
    return temper(
        {"export", "out", "-o", "share", "--lora-scale", scale, "--threads", "1", "--json"});
  };
  EXPECT_THAT(error_message(temper({"export", "out", "-o", "share"})), names("--lora-scale auto"));
  EXPECT_THAT(export_scaled("1").err, names("max_forgetting", "50.0 %"));
  const ProgramRun automatic = export_scaled("auto");
  ASSERT_EQ(automatic.exit_code, 0) << automatic.err;
  const double scale = parse_json(automatic.out, "report")["source"]["lora_scale"]["scale"];
  EXPECT_GT(scale, 0.0);
  EXPECT_LT(scale, 1.0);
  EXPECT_EQ(temper_json({"report", "out", "--json"})["forgetting"]["lora_scale"]["scale"], scale);
  temper_output({"report", "out"});
  EXPECT_THAT(read("out/report.html"), HasSubstr(fmt::format("a share of {:.1f} is", scale)));
  const ProgramRun same = export_scaled(fmt::format("{}", scale));
  EXPECT_EQ(same.exit_code, 0) << same.err;
  EXPECT_LE(parse_json(same.out, "report")["source"]["forgetting"]["rise"], 0.5);
}

TEST_F(ForgettingTest, refuses_a_budget_that_nothing_measures) {
  write_yaml("max_forgetting: 0.1\n");
  ProgramRun run = train("out", 1);
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_THAT(error_message(run), names("max_forgetting", "0.1", "general_datasets"));
  write_yaml("max_forgetting: 0.1\ngeneral_datasets: general.h5\n");
  run = train("out", 1);
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_THAT(error_message(run), names("max_forgetting", "eval_steps", "on_forgetting"));
}

}  // namespace
}  // namespace temper
