// Every command that starts ranks, and every setting that decides how they start: none is forgotten
// by any. Programs in the place of mpirun, apptainer and temper-rank note how they were called.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <set>

#include "common/cli/commands.h"
#include "common/version.h"
#include "temper_fixture.h"
#include "tests/fixtures/names.h"

namespace temper {
namespace {

using ::testing::HasSubstr;

struct StartingCommand {
  std::string name;
  std::vector<std::string> arguments;
  bool has_run_yaml = true;  // and takes --set; eval takes a model
  bool in_batch_job = false;
};

const std::vector<StartingCommand>& starting_commands() {
  static const std::vector<StartingCommand> kCommands = {
      {"train", {"train", "run.yaml"}},
      {"batch job", {"train", "run.yaml", "--requeue"}, true, true},
      {"sweep", {"sweep", "run.yaml", "--over", "learning_rate=1e-4"}},
      {"doctor", {"doctor", "run.yaml"}},
      {"rehearse", {"rehearse", "run.yaml"}},
      {"eval", {"eval", "done"}, false},
  };
  return kCommands;
}

class StartRanksTest : public TemperFixture {
 protected:
  StartRanksTest() {
    write_model_config();
    write_dataset(20);
    write_run_yaml("global_batch_size: 4\nmicro_batch_size: 1\n");
    for (const char* name : {"mpirun", "apptainer", "rank"}) {
      program(name,
              fmt::format("echo \"{} $*\" >> {}; exit 1", name, (folder() / "calls").string()));
    }
    program("srun", "exit 1");
    write_finished_run("");
  }

  void program(const std::string& name, const std::string& body) const {
    std::filesystem::permissions(write("bin/" + name, "#!/bin/sh\n" + body + "\n"),
                                 std::filesystem::perms::owner_all);
  }

  // "done": a run's directory, with what eval reads of it before ranks start.
  void write_finished_run(const std::string& more) const {
    write("done/run.yaml",
          "base_model: base\ndatasets: [{path: train.h5}]\noutput_dir: done\n" + more);
    write("done/run.json", "{}");
  }

  ProgramRun start(const StartingCommand& command, const std::vector<std::string>& more) const {
    write("calls", "");
    std::filesystem::remove_all(folder() / "out-rehearsal");
    std::vector<std::string> arguments = command.arguments;
    arguments.insert(arguments.end(), more.begin(), more.end());
    std::map<std::string, std::string> variables = {
        {"PATH", (folder() / "bin").string() + ":/usr/bin:/bin"},
        {"TEMPER_RANK", (folder() / "bin/rank").string()}};
    if (command.in_batch_job) variables["SLURM_JOB_ID"] = "7";
    return temper(arguments, "", variables);
  }

  // The setting is wrong: it is named, with exit code 2, and nothing starts.
  void expect_refusal(const StartingCommand& command, const std::vector<std::string>& more,
                      const std::string& name) const {
    const ProgramRun run = start(command, more);
    EXPECT_EQ(run.exit_code, 2) << command.name << ": " << run.err;
    EXPECT_THAT(run.err, HasSubstr(name)) << command.name;
    EXPECT_EQ(read("calls"), "") << command.name;
  }

  void expect_call(const StartingCommand& command, const std::vector<std::string>& more,
                   const std::string& call) const {
    const ProgramRun run = start(command, more);
    EXPECT_THAT(read("calls"), HasSubstr(call)) << command.name << ": " << run.err;
  }
};

// A command with --hostfile starts ranks, or plans for them as plan does.
TEST_F(StartRanksTest, all_of_them_are_tried_here) {
  std::set<std::string> known = {"plan"};
  for (const StartingCommand& command : starting_commands()) known.insert(command.arguments[0]);
  std::set<std::string> starting;
  for (const CommandSpec& command : all_commands()) {
    if (command.find_option("hostfile") != nullptr) starting.insert(command.name);
    EXPECT_EQ(command.find_option("launcher") != nullptr,
              command.find_option("hostfile") != nullptr && command.name != "plan")
        << command.name;
  }
  EXPECT_EQ(starting, known);
}

TEST_F(StartRanksTest, number_of_ranks) {
  for (const StartingCommand& command : starting_commands()) {
    expect_call(command, {"-n", "2"}, "-n 2 ");
    expect_refusal(command, {"--nproc", "0"}, "--nproc");
  }
}

TEST_F(StartRanksTest, hostfile_and_its_slots) {
  write("hosts", "node1 slots=3\nnode2 slots=1\n");
  write("broken", "node1 slots=many\n");
  for (const StartingCommand& command : starting_commands()) {
    expect_call(command, {"--hostfile", "hosts"}, "--hostfile hosts ");
    EXPECT_THAT(read("calls"), HasSubstr("-n 4 ")) << command.name;
    expect_refusal(command, {"--hostfile", "broken"}, "broken:1");
    expect_refusal(command, {"--hostfile", "hosts", "--launcher", "srun"}, "--hostfile");
  }
}

// What fits the hosts' slots is planned for them, not for this machine alone.
TEST_F(StartRanksTest, mesh_fits_the_ranks_of_the_hostfile) {
  write("hosts", "node1 slots=2\nnode2 slots=2\n");
  for (const StartingCommand& command : starting_commands()) {
    if (!command.has_run_yaml) continue;
    const std::vector<std::string> mesh = {"--set", "dp_shard_size=2", "--set",
                                           "dp_replicate_size=2"};
    std::vector<std::string> arguments = {"--hostfile", "hosts"};
    arguments.insert(arguments.end(), mesh.begin(), mesh.end());
    expect_call(command, arguments, "-n 4 ");
    expect_refusal(command, {"-n", "2", "--set", "dp_shard_size=3"}, "dp_shard_size");
  }
}

TEST_F(StartRanksTest, launcher) {
  for (const StartingCommand& command : starting_commands()) {
    expect_refusal(command, {"--launcher", "srun", "-n", "2"}, "srun");
    expect_refusal(command, {"--launcher", "torchrun"}, "torchrun");
    if (!command.has_run_yaml) continue;
    expect_refusal(command, {"--set", "slurm.launcher=srun", "-n", "2"}, "srun");
  }
}

TEST_F(StartRanksTest, container) {
  write_finished_run("slurm: {container: /images/temper.sif}\n");
  for (const StartingCommand& command : starting_commands()) {
    std::vector<std::string> more;
    if (command.has_run_yaml) more = {"--set", "slurm.container=/images/temper.sif"};
    // Outside of an allocation eval takes its own programs: the run may come from elsewhere.
    StartingCommand allocated = command;
    allocated.in_batch_job = command.in_batch_job || !command.has_run_yaml;
    expect_call(allocated, more, "apptainer exec /images/temper.sif temper-rank ");
  }
}

TEST_F(StartRanksTest, a_dry_run_needs_no_allocation) {
  const ProgramRun run = start({"train", {"train", "run.yaml", "--dry-run"}},
                               {"--set", "slurm.launcher=srun", "--set", "slurm.mem=0"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(temper({"plan", "run.yaml", "--set", "slurm.mem=0"}).exit_code, 0);
}

TEST_F(StartRanksTest, eval_finds_the_run_of_a_checkpoint) {
  write_finished_run("slurm: {container: /images/temper.sif}\n");
  for (const char* model : {"done", "done/", "done@newest", "done/checkpoints/step-4/"}) {
    expect_call({"eval", {"eval", model}, false, true}, {}, "apptainer exec ");
  }
  expect_call({"eval", {"eval", "done/export"}, false, true}, {}, "rank eval ");
}

TEST_F(StartRanksTest, model_and_adapter) {
  write("other/config.json", R"({"architectures": ["OtherForCausalLM"], "model_type": "other"})");
  for (const StartingCommand& command : starting_commands()) {
    if (!command.has_run_yaml) continue;  // eval's ranks find it
    expect_refusal(command, {"--set", "base_model=other"}, "other");
    expect_refusal(command,
                   {"--set", "adapter=lora", "--set", "lora_target_modules=[q_proj,w_proj]"},
                   "w_proj");
  }
}

TEST_F(StartRanksTest, memory) {
  write("large/config.json",
        R"({"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 258,
            "hidden_size": 65536, "intermediate_size": 262144, "num_hidden_layers": 100,
            "num_attention_heads": 64, "num_key_value_heads": 64, "rms_norm_eps": 1e-5,
            "max_position_embeddings": 256, "hidden_act": "silu"})");
  write("large/tokenizer.json", read("base/tokenizer.json"));
  for (const StartingCommand& command : starting_commands()) {
    if (command.has_run_yaml) {
      expect_refusal(command, {"--set", "base_model=large"}, "memory");
    } else {
      expect_refusal({command.name, {"eval"}, false}, {"--model", "large"}, "large");
    }
  }
}

TEST_F(StartRanksTest, device) {
  for (const StartingCommand& command : starting_commands()) {
    std::vector<std::string> more = {"--device", "cuda"};
    if (command.has_run_yaml) more = {"--set", "device=cuda"};
    if (kBuiltWithCuda) {
      expect_call(command, more, "rank ");
    } else {
      expect_refusal(command, more, "cuda");
    }
  }
}

}  // namespace
}  // namespace temper
