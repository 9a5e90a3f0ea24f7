// `temper train` with real ranks on a tiny model: to the end, stopped, killed, resumed.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <csignal>

#include "tests/fixtures/names.h"
#include "training_fixture.h"

namespace temper {
namespace {

using ::testing::AnyOf;
using ::testing::StartsWith;

using TrainingTest = TrainingFixture;

TEST_F(TrainingTest, runs_to_the_end_and_says_so) {
  const ProgramRun run = train("out", 2);
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(temper_json({"status", "out", "--json"})["state"], "finished");
  const Json checkpoint = latest("out");
  EXPECT_EQ(checkpoint["step"], 6);
  EXPECT_EQ(checkpoint["complete"], true);
  EXPECT_EQ(checkpoint["rows_consumed"], 24);
  // Again: nothing is left to do.
  EXPECT_EQ(train("out", 1).exit_code, 0);
  EXPECT_EQ(latest("out")["state_hash"], checkpoint["state_hash"]);
}

TEST_F(TrainingTest, same_bits_on_any_number_of_ranks_full_and_lora) {
  for (const std::vector<std::string>& kind :
       {std::vector<std::string>{},
        {"--set", "adapter=lora", "--set", "lora_dropout=0.1"},
        {"--set", "adapter=lora", "--set", "lora_modules_to_save=[embed_tokens, lm_head]", "--set",
         "base_placement=sharded"}}) {
    std::string hash;
    for (const int num_ranks : {1, 2, 3}) {
      const std::string output = fmt::format("out{}_{}", kind.size(), num_ranks);
      const ProgramRun run = train(output, num_ranks, kind);
      ASSERT_EQ(run.exit_code, 0) << run.err;
      const std::string found = latest(output)["state_hash"];
      if (hash.empty()) hash = found;
      EXPECT_EQ(found, hash) << num_ranks << " ranks";
    }
  }
}

TEST_F(TrainingTest, same_bits_and_checkpoints_on_any_mesh) {
  write_yaml("max_steps: 6\nlr_scheduler: constant\n");
  ASSERT_EQ(train("flat", 2).exit_code, 0);
  const std::string expected = latest("flat")["state_hash"];
  const std::vector<std::string> two_replicas = {"--set", "dp_replicate_size=2"};
  ASSERT_EQ(train("mesh", 4, two_replicas).exit_code, 0);
  EXPECT_EQ(latest("mesh")["state_hash"], expected);
  std::vector<std::string> half = two_replicas;
  half.insert(half.end(), {"--set", "max_steps=3"});
  ASSERT_EQ(train("moved", 2, half).exit_code, 0);
  EXPECT_EQ(latest("moved")["step"], 3);
  ASSERT_EQ(train("moved", 3, {"--set", "reshard_after_forward=false"}).exit_code, 0);
  EXPECT_EQ(latest("moved")["state_hash"], expected);

  const ProgramRun refused = train("other", 3, two_replicas);
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(error_message(refused), names("dp_replicate_size"));
}

TEST_F(TrainingTest, ranks_on_the_hosts_of_a_hostfile) {
  // Two names of this one.
  write("hosts", "localhost\n127.0.0.1\n");
  const ProgramRun run =
      temper({"train", "run.yaml", "--hostfile", "hosts", "--set", "output_dir=hosts_out"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.err, names("2 ranks"));
  ASSERT_EQ(train("one", 1).exit_code, 0);
  EXPECT_EQ(latest("hosts_out")["state_hash"], latest("one")["state_hash"]);
}

TEST_F(TrainingTest, stops_on_a_signal_and_goes_on_to_the_same_end) {
  write_yaml("max_steps: 100\n");
  const pid_t pid = start_temper("first", train_arguments("out", 2, {}));
  wait_for_step("out", 3);
  kill(pid, SIGTERM);
  EXPECT_EQ(wait_for_process(pid).shell_code(), 75) << read("first.err");
  EXPECT_EQ(temper_json({"status", "out", "--json"})["state"], "stopped");
  const int64_t step = latest("out")["step"];
  EXPECT_GE(step, 3);
  ASSERT_LT(step, 100);

  const ProgramRun rest = train("out", 1);
  ASSERT_EQ(rest.exit_code, 0) << rest.err;
  ASSERT_EQ(train("whole", 2).exit_code, 0);
  EXPECT_EQ(latest("out")["state_hash"], latest("whole")["state_hash"]);
}

TEST_F(TrainingTest, killed_and_resumed_to_the_same_end) {
  write_yaml("max_steps: 60\nsave_steps: 10\n");
  const pid_t pid = start_temper("first", train_arguments("out", 2, {}));
  wait_for_step("out", 25);
  kill(pid, SIGKILL);
  wait_for_process(pid);

  const ProgramRun rest = train("out", 4);
  ASSERT_EQ(rest.exit_code, 0) << rest.err;
  EXPECT_THAT(rest.err, names(" of 60\n"));
  ASSERT_EQ(train("whole", 1).exit_code, 0);
  EXPECT_EQ(latest("out")["state_hash"], latest("whole")["state_hash"]);
}

TEST_F(TrainingTest, killed_rank_ends_the_run_with_a_reason) {
  write_yaml("max_steps: 100000\n");
  const pid_t pid = start_temper("first", train_arguments("out", 2, {}));
  wait_for_step("out", 2);
  const std::vector<pid_t> starters = children_of(pid);
  ASSERT_EQ(starters.size(), 1u);
  const std::vector<pid_t> ranks = children_of(starters[0]);
  ASSERT_EQ(ranks.size(), 2u);
  kill(ranks[1], SIGKILL);
  EXPECT_EQ(wait_for_process(pid).shell_code(), 1);
  // Whoever notices first, the other rank or mpirun, says it.
  const auto reason = AnyOf(names("signal 9"), names("rank 1 on", "died"));
  EXPECT_THAT(read("first.err"), reason);
  const Json status = temper_json({"status", "out", "--json"});
  EXPECT_EQ(status["state"], "failed");
  EXPECT_THAT(status["error"].get<std::string>(), reason);
}

TEST_F(TrainingTest, mistakes_that_ranks_find_are_one_message) {
  const auto refused = [&](const ProgramRun& run) {
    EXPECT_EQ(run.exit_code, 2) << run.err;
    return error_message(run);
  };
  // More ranks than micro-batches.
  EXPECT_THAT(refused(train("out", 5)), names("micro-batches"));
  EXPECT_FALSE(exists("out"));
  // A dataset of another tokenizer.
  write_dataset(60, 64, "other");
  std::string tokenizer = read("tokenizer.json");
  tokenizer.replace(tokenizer.find("\"<s>\""), 5, "\"<S>\"");
  tokenizer.replace(tokenizer.rfind("\"<s>\""), 5, "\"<S>\"");
  write("tokenizer.json", tokenizer);
  temper_output({"pack", "other.jsonl", "-o", "other.h5", "--tokenizer", "tokenizer.json",
                 "--sequence-len", "64"});
  EXPECT_THAT(refused(train("out", 2, {"--set", "datasets=other.h5"})), names("tokenizer"));
  EXPECT_FALSE(exists("out"));
  // An output directory of another run.
  ASSERT_EQ(train("out", 1).exit_code, 0);
  EXPECT_THAT(refused(train("out", 2, {"--set", "learning_rate=2e-3"})), names("learning_rate"));
  EXPECT_EQ(latest("out")["step"], 6);
  // A model with a missing shard.
  std::filesystem::remove(folder() / "model/model.safetensors");
  EXPECT_THAT(refused(train("out2", 2)), names("model"));
  EXPECT_FALSE(exists("out2"));
}

TEST_F(TrainingTest, temper_refuses_to_run_under_mpirun) {
  const ProgramRun run = temper({"train", "run.yaml", "--set", "output_dir=out", "--nproc", "2"},
                                "", {{"OMPI_COMM_WORLD_SIZE", "2"}});
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_THAT(error_message(run), names("temper-rank"));
}

TEST_F(TrainingTest, prompts_get_the_template_s_kwargs_that_the_data_was_packed_with) {
  write("moody.jinja",
        "{{ mood }}|{% for m in messages %}<{{ m.role }}>{{ m.content }}{{ eos_token }}"
        "{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}");
  temper_output({"pack", "train.jsonl", "-o", "train.h5", "--model", "model", "--sequence-len",
                 "64", "--chat-template", "moody.jinja", "--chat-template-kwargs",
                 R"({"mood": "calm", "a": 1})"});
  ASSERT_EQ(train("out", 1, {"--set", "max_steps=1"}).exit_code, 0);
  const Json report = temper_json({"export", "out", "-o", "e", "--json"});
  EXPECT_EQ(report["chat_template_kwargs"], R"({"mood":"calm","a":1})");
  EXPECT_THAT(report["golden"].at(0)["rendered"].get<std::string>(), StartsWith("calm|<user>"));
  const Json other = temper_json(
      {"export", "out", "-o", "e", "--json", "--chat-template-kwargs", R"({"mood": "wild"})"});
  EXPECT_THAT(other["golden"].at(0)["rendered"].get<std::string>(), StartsWith("wild|<user>"));
  const ProgramRun refused =
      temper({"generate", "out", "--prompt", "a", "--chat-template-kwargs", "[1]"});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(error_message(refused), names("--chat-template-kwargs"));
}

}  // namespace
}  // namespace temper
