// `temper plan`, and what a run makes of it: printed, compared with what was measured, refused.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <sstream>

#include "tests/fixtures/names.h"
#include "training_fixture.h"

namespace temper {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class MemoryPlanTest : public TrainingFixture {
 protected:
  MemoryPlanTest() { write_yaml("max_steps: 6\noutput_dir: out\n"); }

  Json event(const std::string& output, const std::string& name) {
    std::istringstream lines(read(output + "/metrics.jsonl"));
    Json last;
    for (std::string line; std::getline(lines, line);) {
      const Json json = parse_json(line, "metrics.jsonl");
      if (json["event"] == name) last = json;
    }
    return last;
  }

  // A model that has more to hold than the program itself, and little to compute: a vocabulary.
  void write_wide_model() {
    Json config = parse_json(read("base/config.json"), "config.json");
    config["vocab_size"] = 120000;
    config["hidden_size"] = 128;
    write("wide.json", config.dump());
    temper_output(
        {"new-model", "--config", "wide.json", "--tokenizer", "base/tokenizer.json", "-o", "wide"});
  }
};

TEST_F(MemoryPlanTest, agrees_with_what_a_run_holds) {
  write_wide_model();
  for (const int num_ranks : {1, 2}) {
    const std::string output = fmt::format("out{}", num_ranks);
    const ProgramRun run = train(output, num_ranks, {"--set", "base_model=wide"});
    ASSERT_EQ(run.exit_code, 0) << run.err;
    EXPECT_THAT(run.err, names("optimizer", "planned", "measured"));
    const Json plan = event(output, "memory_plan"), ranks = event(output, "ranks");
    double planned = 0.0, measured = 0.0;
    for (const Json& rank : ranks["ranks"]) {
      planned += rank["planned_bytes"].get<double>();
      measured += rank["peak_pss_bytes"].get<double>();
    }
    EXPECT_EQ(plan["node_bytes"], planned);
    // The libraries' pages count in part for whatever other tests run beside.
    constexpr double kLibraries = 80.0 * (1 << 20);
    EXPECT_LT(measured, 1.1 * planned) << num_ranks << " ranks";
    EXPECT_GT(measured, 0.9 * (planned - kLibraries)) << num_ranks << " ranks";
  }
}

TEST_F(MemoryPlanTest, is_what_temper_plan_says) {
  ASSERT_EQ(train("out", 2).exit_code, 0);
  const Json plan = temper_json({"plan", "run.yaml", "--nproc", "2", "--flops", "1e9", "--json"});
  const Json of_run = event("out", "memory_plan");
  EXPECT_EQ(plan["memory"]["node"]["total"], of_run["node_bytes"]);
  EXPECT_EQ(plan["memory"]["rank"]["activations"], of_run["rank"]["activations"]);
  EXPECT_EQ(plan["memory"]["fits"], true);
  EXPECT_EQ(plan["training"]["steps"], 6);
  EXPECT_EQ(plan["model"]["trainable_parameters"], plan["model"]["parameters"]);
  // What is written besides are names.
  const double written = event("out", "save")["bytes"];
  EXPECT_NEAR(written / plan["disk"]["checkpoint_bytes"].get<double>(), 1.0, 0.05);
  EXPECT_NEAR(plan["time"]["step_seconds"].get<double>() * 2e9, plan["flops"]["step"].get<double>(),
              1.0);
}

TEST_F(MemoryPlanTest, says_what_would_fit) {
  const std::vector<std::string> plan = {"plan", "run.yaml", "--memory",
                                         "152M", "--set",    "micro_batch_size=4"};
  const std::string text = temper_output(plan);
  EXPECT_THAT(text, AllOf(HasSubstr("DOES NOT FIT"), HasSubstr("152.0 MiB available (--memory)"),
                          HasSubstr("checkpoint bytes")));
  const Json roomy = temper_json({"plan", "run.yaml", "--nodes", "2", "--gpus-per-node", "2",
                                  "--gpu-memory", "80G", "--memory", "1T", "--json"});
  EXPECT_EQ(roomy["memory"]["remedies"], Json::array());
  EXPECT_EQ(roomy["gpu"]["fits"], true);
  EXPECT_GT(roomy["gpu"]["host_save_bytes"], 0);
  EXPECT_EQ(roomy["gpu"]["host_save_node_bytes"],
            2 * roomy["gpu"]["host_save_bytes"].get<int64_t>());
  EXPECT_EQ(roomy["training"]["ranks"], 4);
}

TEST_F(MemoryPlanTest, refuses_before_anything_is_read) {
  const std::map<std::string, std::string> slurm = {{"SLURM_MEM_PER_NODE", "100"}};
  for (const std::vector<std::string>& more : {std::vector<std::string>{}, {"--dry-run"}}) {
    const ProgramRun run = temper(train_arguments("out", 2, more), "", slurm);
    EXPECT_EQ(run.exit_code, 2);
    EXPECT_THAT(error_message(run),
                names("2 ranks of", "100.0 MiB", "SLURM_MEM_PER_NODE", "temper plan"));
    EXPECT_FALSE(exists("out"));
  }
}

TEST_F(MemoryPlanTest, needs_no_weights) {
  const std::vector<std::string> plan = {"plan", "run.yaml", "--json", "--set"};
  const auto of = [&](const std::string& base) {
    std::vector<std::string> arguments = plan;
    arguments.push_back("base_model=" + base);
    return temper_json(arguments);
  };
  const Json before = of("base"), after = of("model");
  EXPECT_TRUE(before["model"]["base_bytes"].is_null());
  EXPECT_EQ(after["model"]["base_bytes"].get<int64_t>(),
            4 * after["model"]["parameters"].get<int64_t>());
  EXPECT_EQ(before["memory"]["rank"], after["memory"]["rank"]);
}

TEST_F(MemoryPlanTest, mistakes_are_named) {
  const auto refused = [&](const std::vector<std::string>& more) {
    std::vector<std::string> arguments = {"plan", "run.yaml"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const ProgramRun run = temper(arguments);
    EXPECT_EQ(run.exit_code, 2);
    return error_message(run);
  };
  EXPECT_THAT(refused({"--memory", "lots"}), names("\"lots\""));
  EXPECT_THAT(refused({"--nproc", "0"}), names("--nproc", " 1"));
  EXPECT_THAT(refused({"--nproc", "3", "--set", "dp_replicate_size=2"}),
              names("2 copies", "3 ranks"));
  EXPECT_THAT(refused({"--nproc", "9"}), names("9 ranks", "4 micro-batches"));
  EXPECT_THAT(refused({"--flops", "-1"}), names("--flops"));
}

}  // namespace
}  // namespace temper
