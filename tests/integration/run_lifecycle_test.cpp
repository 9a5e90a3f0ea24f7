// What becomes of a run's directory: rewound, damaged, killed in its first moments, started twice.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <set>
#include <sstream>
#include <utility>
#include <vector>

#include "data/dataset/dataset_writer.h"
#include "run/status.h"
#include "tests/fixtures/names.h"
#include "tests/fixtures/wait_until.h"
#include "text/tokenizer/tokenizer.h"
#include "training_fixture.h"

namespace temper {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;

class RunLifecycleTest : public TrainingFixture {
 protected:
  static constexpr const char* kShard = "rank-00000-of-00001.safetensors";

  void train_well(const std::string& output, int num_ranks = 1,
                  const std::vector<std::string>& more = {}) {
    const ProgramRun run = train(output, num_ranks, more);
    ASSERT_EQ(run.exit_code, 0) << run.err;
  }
  // Writes into the run's history that the test loss after this step was another.
  void append_test_loss(const std::string& output, int64_t step, double loss) {
    Json last;
    for (const Json& line : metrics(output)) {
      if (line["event"] == "test_loss") last = line;
    }
    last["step"] = step;
    last["loss"] = loss;
    write(output + "/metrics.jsonl", read(output + "/metrics.jsonl") + last.dump() + "\n");
  }
  Json status(const std::string& output) { return temper_json({"status", output, "--json"}); }
};

TEST_F(RunLifecycleTest, rewinding_keeps_the_checkpoint_it_names) {
  write_yaml("max_steps: 12\nsave_steps: 3\nsave_total_limit: 0\n");
  train_well("out");
  const ProgramRun rewound =
      train("out", 1, {"--resume", "out/step-6", "--set", "save_total_limit=2"});
  EXPECT_EQ(rewound.exit_code, 0) << rewound.err;
  EXPECT_THAT(rewound.err, names("step 6 of 12"));
}

TEST_F(RunLifecycleTest, damaged_checkpoint_does_not_stand_in_for_the_steps_trained_again) {
  write_yaml("max_steps: 12\nsave_steps: 6\n");
  train_well("out");
  const std::string shard = fmt::format("out/step-12/{}", kShard);
  const std::string whole = read(shard);
  flip_bit(shard);
  train_well("out", 1, {"--resume", "out/step-6"});
  EXPECT_TRUE(read(shard) == whole);
}

TEST_F(RunLifecycleTest, finished_run_has_its_last_checkpoint_in_its_own_directory) {
  train_well("first");
  const ProgramRun second = train("second", 1, {"--resume", "first/step-6"});
  EXPECT_EQ(second.exit_code, 0) << second.err;
  EXPECT_THAT(second.err, names("second/step-6"));
  EXPECT_TRUE(exists("second/step-6/commit.json"));
}

TEST_F(RunLifecycleTest, directory_of_a_start_that_was_killed_at_once_is_usable) {
  write("out/owner", "0123456789ab\n");
  write("out/run.yaml", "seed: 1\n");
  write("out/run.json.4711.partial", "{");
  train_well("out");
  EXPECT_FALSE(exists("out/run.json.4711.partial"));
  write("other/owner", "0123456789ab\n");
  write("other/thesis.txt", "mine");
  EXPECT_THAT(error_message(train("other", 1)), names("output_dir", "/other", "not empty"));
}

TEST_F(RunLifecycleTest, second_start_is_refused_and_leaves_the_first_alone) {
  write_yaml("max_steps: 100000\n");
  const pid_t first = start_temper("first", train_arguments("out", 2, {}));
  wait_for_step("out", 2);

  const ProgramRun other = train("out", 1, {"--set", "learning_rate=2e-3"});
  EXPECT_EQ(other.exit_code, 2);
  EXPECT_EQ(status("out")["state"], "training");
  const std::string attempt = status("out")["attempt"];

  const ProgramRun same = train("out", 2);
  EXPECT_EQ(same.exit_code, 1);
  EXPECT_THAT(same.err, names("temper status", "/out`"));
  EXPECT_EQ(status("out")["state"], "training");
  EXPECT_EQ(status("out")["attempt"], attempt);

  kill(first, SIGTERM);
  EXPECT_EQ(wait_for_process(first).shell_code(), 75) << read("first.err");
  EXPECT_EQ(status("out")["attempt"], attempt);
}

TEST_F(RunLifecycleTest, killed_run_is_not_said_to_be_training) {
  write_yaml("max_steps: 100000\n");
  const pid_t pid = start_temper("first", train_arguments("out", 1, {}));
  wait_for_step("out", 2);
  EXPECT_THAT(status("out").value("problem", ""), "");
  kill(pid, SIGKILL);
  wait_for_process(pid);
  // Its rank dies with it, a moment later.
  EXPECT_TRUE(wait_until([&] { return status("out").contains("problem"); }));
  EXPECT_THAT(status("out").value("problem", ""), names("process is gone"));
  EXPECT_THAT(temper_output({"status", "out", "--follow"}),
              names(status("out").value("problem", "")));
}

TEST_F(RunLifecycleTest, early_request_to_stop_kills_no_rank) {
  write_yaml("max_steps: 100000\n");
  using Reached = std::function<bool(pid_t, const std::string&)>;
  const std::vector<std::pair<const char*, Reached>> moments = {
      {"program", [](pid_t, const std::string&) { return true; }},
      {"output", [&](pid_t, const std::string& output) { return exists(output); }},
      {"mpirun", [](pid_t pid, const std::string&) { return !children_of(pid).empty(); }},
      {"ranks", [](pid_t pid, const std::string&) { return ranks_of(pid).size() == 2; }},
      {"status", [&](pid_t, const std::string& output) { return exists(output + "/status.json"); }},
      {"metrics",
       [&](pid_t, const std::string& output) { return exists(output + "/metrics.jsonl"); }},
  };
  for (const auto& entry : moments) {
    const char* moment = entry.first;
    const std::string output = fmt::format("out_{}", moment);
    const pid_t pid = start_temper(output, train_arguments(output, 2, {}));
    EXPECT_TRUE(wait_until([&] { return entry.second(pid, output); })) << moment;
    kill(pid, SIGTERM);
    const int code = wait_for_process(pid).shell_code();
    // Before it has started any rank, the front door just ends.
    if (code == 128 + SIGTERM && !exists(output + "/owner")) continue;
    EXPECT_EQ(code, 75) << moment << ": " << read(output + ".err");
    EXPECT_EQ(status(output)["state"], "stopped");
  }
}

TEST_F(RunLifecycleTest, term_to_every_process_at_once_leaves_a_checkpoint) {
  write_yaml("max_steps: 100000\n");
  const pid_t pid = start_temper("first", train_arguments("out", 2, {}));
  wait_for_step("out", 2);
  // As scancel, systemd and other batch systems do it.
  for (const pid_t starter : children_of(pid)) {
    const std::vector<pid_t> ranks = children_of(starter);
    kill(starter, SIGTERM);
    for (const pid_t rank : ranks) kill(rank, SIGTERM);
  }
  kill(pid, SIGTERM);
  EXPECT_EQ(wait_for_process(pid).shell_code(), 75) << read("first.err");
  EXPECT_EQ(status("out")["state"], "stopped");
}

TEST_F(RunLifecycleTest, killed_mpirun_leaves_no_shared_memory_behind) {
  write_yaml("max_steps: 100000\n");
  const pid_t pid = start_temper("first", train_arguments("out", 2, {}));
  wait_for_step("out", 2);
  const std::vector<pid_t> starters = children_of(pid);
  ASSERT_EQ(starters.size(), 1u);
  std::set<fs::path> segments;
  for (const pid_t rank : children_of(starters[0])) segments.merge(shared_segments_of(rank));
  ASSERT_FALSE(segments.empty());
  kill(starters[0], SIGKILL);
  EXPECT_EQ(wait_for_process(pid).shell_code(), 1);
  for (const fs::path& segment : segments) EXPECT_FALSE(fs::exists(segment)) << segment;
}

TEST_F(RunLifecycleTest, damaged_status_hides_nothing) {
  train_well("out");
  write("out/status.json", "{");
  const Json report = temper_json({"inspect", "out", "--json"});
  EXPECT_TRUE(report["status"].is_null());
  EXPECT_THAT(report["status_problem"].get<std::string>(), names("status.json"));
  EXPECT_EQ(report["latest"]["step"], 6);
  train_well("out");
  EXPECT_EQ(status("out")["state"], "finished");
}

TEST_F(RunLifecycleTest, flipped_bit_is_found_by_looking_and_by_generating) {
  train_well("out");
  EXPECT_EQ(temper_json({"inspect", "out/step-6", "--json"})["damaged"], false);
  flip_bit(fmt::format("out/step-6/{}", kShard));
  const Json report = temper_json({"inspect", "out/step-6", "--json"});
  EXPECT_EQ(report["damaged"], true);
  EXPECT_THAT(report["problem"].get<std::string>(), names(kShard));
  const ProgramRun generated = temper({"generate", "out", "--prompt", "What?"});
  EXPECT_EQ(generated.exit_code, 2);
  EXPECT_THAT(error_message(generated), names("out/step-6", kShard, "damaged"));
}

TEST_F(RunLifecycleTest, best_checkpoint_is_recorded_and_retained) {
  write_dataset(20, 64, "test");
  write_yaml(
      "max_steps: 8\nsave_steps: 2\neval_steps: 2\nsave_total_limit: 2\n"
      "lr_scheduler: constant\ntest_datasets: test.h5\n");
  train_well("out");
  // As though the best had been at step 6, and all after it were worse.
  append_test_loss("out", 6, 1e-3);
  train_well("out", 1, {"--set", "max_steps=12"});
  EXPECT_TRUE(exists("out/step-6"));
  EXPECT_TRUE(exists("out/step-10"));
  EXPECT_TRUE(exists("out/step-12"));
  EXPECT_FALSE(exists("out/step-8"));
  EXPECT_EQ(parse_json(read("out/step-12/commit.json"), "commit.json")["eval_best_step"], 6);
}

TEST_F(RunLifecycleTest, early_stopping_remembers_across_a_resume) {
  write_dataset(20, 64, "test");
  write_yaml("max_steps: 4\neval_steps: 1\nlr_scheduler: constant\ntest_datasets: test.h5\n");
  train_well("out");
  append_test_loss("out", 4, 1e-3);
  write("out/metrics.jsonl", read("out/metrics.jsonl") + "{\"event\": 7}\n");
  train_well("out", 1, {"--set", "max_steps=20", "--set", "early_stopping_patience=2"});
  EXPECT_EQ(latest("out")["step"], 6);
}

TEST_F(RunLifecycleTest, only_test_sets_make_the_test_loss) {
  write_dataset(20, 64, "test");
  write_dataset(40, 64, "general");
  write_yaml("max_steps: 2\ntest_datasets: test.h5\ngeneral_datasets: general.h5\n");
  train_well("out");
  double test = 0.0, general = 0.0, all = 0.0;
  for (const Json& line : metrics("out")) {
    if (line["event"] == "test_loss") all = line["loss"];
    if (line["event"] == "eval" && line["set"] == "test/test") test = line["loss"];
    if (line["event"] == "eval" && line["set"] == "general/general") general = line["loss"];
  }
  EXPECT_EQ(all, test);
  EXPECT_NE(general, test);
  // The bytes of the text are those that an evaluation of its own finds.
  const Json sets = temper_json({"eval", "out", "--json"})["sets"];
  EXPECT_GT(sets[0]["bytes"], 0);
  EXPECT_EQ(metrics("out", "eval").front()["bytes"], sets[0]["bytes"]);
}

TEST_F(RunLifecycleTest, evaluation_says_how_far_it_is) {
  write_dataset(20, 64, "test");
  write_yaml("max_steps: 1\ntest_datasets: test.h5\n");
  const ProgramRun run = temper(train_arguments("out", 2, {}), "", {{"TEMPER_LIVE_BAR", "1"}});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.err, HasSubstr("evaluating test/test, rows: 2 of "));
  // Where nobody looks on, so short a one says nothing of it.
  const ProgramRun quiet = train("quiet", 2);
  EXPECT_THAT(quiet.err, Not(HasSubstr("evaluating test/test, rows")));
}

TEST_F(RunLifecycleTest, other_dataset_weights_are_other_data) {
  train_well("out");
  const ProgramRun run = train("out", 1, {"--set", "datasets=[{path: train.h5, weight: 2}]"});
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_THAT(error_message(run), names("output_dir", "/out", "dataset weights"));
}

TEST_F(RunLifecycleTest, rows_longer_than_the_model_reads_are_refused) {
  write_dataset(60, 512, "long");
  for (const std::string setting : {"datasets=long.h5", "test_datasets=long.h5"}) {
    const ProgramRun run = train("out", 1, {"--set", setting});
    EXPECT_EQ(run.exit_code, 2);
    EXPECT_THAT(error_message(run), names("max_position_embeddings", "256"));
    EXPECT_FALSE(exists("out"));
  }
}

TEST_F(RunLifecycleTest, held_out_loss_that_is_not_finite_ends_the_run) {
  write_dataset(20, 64, "test");
  std::fstream weights(folder() / "model/model.safetensors",
                       std::ios::in | std::ios::out | std::ios::binary);
  weights.seekp(-4, std::ios::end);
  weights.write("\xc0\x7f\xc0\x7f", 4);  // NaN, in fp32 and in bf16
  weights.close();
  const ProgramRun run = train("out", 1, {"--set", "test_datasets=test.h5"});
  EXPECT_EQ(run.exit_code, 1);
  EXPECT_THAT(run.err, names("test/test", "step 0", "not finite"));
  EXPECT_EQ(status("out")["state"], "failed");
  EXPECT_THAT(status("out")["error"].get<std::string>(), names("test/test", "not finite"));
  const ProgramRun eval = temper({"eval", "--model", "model", "--data", "test.h5"});
  EXPECT_EQ(eval.exit_code, 1);
  EXPECT_THAT(eval.err, names(" over test is not finite"));
}

TEST_F(RunLifecycleTest, step_without_targets_changes_nothing) {
  // Eight rows of which nothing is learnt, then four others.
  const fs::path base = folder() / "base";
  DatasetWriter writer(folder() / "cut.h5", {.sequence_len = 64,
                                             .vocab_size = 258,
                                             .pad_token = 0,
                                             .tokenizer_hash = Tokenizer::from_file(base).hash(),
                                             .chat_template = "plain",
                                             .chat_template_source = ""});
  for (int i = 0; i < 12; ++i) {
    PackedDocument document;
    document.tokens.assign(64, 'a' + i);
    document.supervised.assign(64, i < 8 ? 0 : 1);
    document.supervised[0] = 0;
    writer.add_row({&document});
  }
  writer.finish("[]", "{}", "{}");
  write_yaml(
      "max_steps: 3\nsave_steps: 1\nsave_total_limit: 0\nshuffle: false\nweight_decay: 0.1\n");
  train_well("out", 2, {"--set", "datasets=cut.h5"});
  std::vector<Json> steps;
  for (const Json& line : metrics("out")) {
    if (line["event"] == "step") steps.push_back(line);
  }
  ASSERT_EQ(steps.size(), 3u);
  for (const int i : {0, 1}) {
    EXPECT_EQ(steps[i]["targets"], 0);
    EXPECT_TRUE(steps[i]["loss"].is_null());
    EXPECT_TRUE(steps[i]["grad_norm"].is_null());
  }
  EXPECT_GT(steps[2]["targets"], 0);
  const std::string shard = "rank-00001-of-00002.safetensors";
  EXPECT_TRUE(read("out/step-1/" + shard) == read("out/step-2/" + shard));
  EXPECT_FALSE(read("out/step-2/" + shard) == read("out/step-3/" + shard));
}

TEST_F(RunLifecycleTest, number_of_threads_is_checked) {
  for (const std::string number : {"0", "-1"}) {
    const ProgramRun run =
        temper({"generate", "--model", "model", "--prompt", "a", "--threads", number});
    EXPECT_EQ(run.exit_code, 2);
    EXPECT_THAT(error_message(run), names("--threads " + number));
  }
}

}  // namespace
}  // namespace temper
