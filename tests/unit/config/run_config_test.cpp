#include "config/run_config.h"
#include "config/resolved_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <regex>

#include "common/error.h"
#include "config/config_keys.h"
#include "config/dataset_weights.h"
#include "config/reference/example_config.h"
#include "tests/fixtures/names.h"
#include "tests/unit/temporary_directory.h"

namespace temper {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;

namespace fs = std::filesystem;

// A folder with a base model and datasets that exist, as far as the configuration looks.
class RunConfigTest : public ::testing::Test {
 protected:
  RunConfigTest() {
    fs::create_directory(folder_ / "base");
    write("base/config.json", "{}");
    write("train.h5", "x");
    write("test.h5", "x");
  }

  void write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ / name) << text;
  }
  fs::path yaml(const std::string& more) {
    write("run.yaml", kMinimal + more);
    return folder_ / "run.yaml";
  }
  RunConfig read(const std::string& more, const std::vector<std::string>& sets = {}) {
    std::vector<ConfigOverride> overrides;
    for (const std::string& set : sets) overrides.push_back(ConfigOverride::from_text(set));
    return read_run_config(yaml(more), overrides);
  }
  // The message without the folder, so that it reads "run.yaml:4: ...".
  std::string error_of(const std::string& more, const std::vector<std::string>& sets = {}) {
    return error_of_file([&] { read(more, sets); });
  }
  std::string error_of_file(const std::function<void()>& action) {
    try {
      action();
    } catch (const UserError& error) {
      return std::regex_replace(std::string(error.what()), std::regex(folder_.string() + "/"), "");
    }
    return "no error";
  }

  // Three lines: what follows is line 4.
  const std::string kMinimal = "base_model: base\ndatasets: [{path: train.h5}]\noutput_dir: out\n";
  const TemporaryDirectory temporary_;
  const fs::path folder_ = temporary_.path();
};

TEST_F(RunConfigTest, minimal_file_has_the_defaults) {
  RunConfig expected;
  expected.base_model = folder_ / "base";
  expected.datasets = {{folder_ / "train.h5", 1.0}};
  expected.output_dir = folder_ / "out";
  expected.global_batch_size = 1;
  expected.gradient_accumulation_steps = 1;
  EXPECT_EQ(read(""), expected);
}

TEST_F(RunConfigTest, unknown_key_names_file_line_and_nearest) {
  EXPECT_EQ(error_of("seed: 1\nlerning_rate: 1e-4\n"),
            "run.yaml:5: unknown key \"lerning_rate\" (did you mean \"learning_rate\"?)");
  EXPECT_EQ(error_of("slurm:\n  nods: 2\n"),
            "run.yaml:5: unknown key \"nods\" in slurm (did you mean \"nodes\"?)");
  EXPECT_EQ(error_of("test_datasets:\n  - path: test.h5\n    wieght: 2\n"),
            "run.yaml:6: unknown key \"wieght\" in test_datasets[0] (did you mean \"weight\"?)");
  EXPECT_EQ(error_of("zzz: 2\n"), "run.yaml:4: unknown key \"zzz\"");
}

TEST_F(RunConfigTest, key_of_another_trainer_gets_advice) {
  EXPECT_EQ(error_of("chat_template: llama3\n"),
            "run.yaml:4: \"chat_template\" is no key of run.yaml: that is decided when the data is "
            "packed; see `temper pack -h`");
}

TEST_F(RunConfigTest, wrong_type_names_value_and_expectation) {
  EXPECT_EQ(error_of("lora_r: sixteen\n"),
            "run.yaml:4: lora_r is \"sixteen\"; expected a whole number");
  EXPECT_EQ(error_of("max_steps: 1.5\n"),
            "run.yaml:4: max_steps is \"1.5\"; expected a whole number");
  EXPECT_EQ(error_of("bf16: maybe\n"), "run.yaml:4: bf16 is \"maybe\"; expected true or false");
  EXPECT_EQ(error_of("learning_rate: [1]\n"),
            "run.yaml:4: learning_rate is a list; expected a number");
  EXPECT_EQ(error_of("learning_rate: .nan\n"),
            "run.yaml:4: learning_rate is \".nan\"; expected a number");
  EXPECT_EQ(error_of("learning_rate: nan\n"),
            "run.yaml:4: learning_rate is \"nan\"; expected a number");
  EXPECT_EQ(error_of("seed: -1\n"),
            "run.yaml:4: seed is \"-1\"; expected a whole number, 0 or more");
  EXPECT_EQ(error_of("lora_r: 99999999999999999999\n"),
            "run.yaml:4: lora_r is \"99999999999999999999\"; expected a whole number");
  EXPECT_EQ(error_of("slurm: 3\n"), "run.yaml:4: slurm is \"3\"; expected a group of keys");
}

TEST_F(RunConfigTest, choice_lists_what_there_is) {
  EXPECT_EQ(error_of("lr_scheduler: cosin\n"),
            "run.yaml:4: lr_scheduler is \"cosin\"; expected one of constant, linear, cosine, "
            "constant_with_warmup");
  EXPECT_EQ(error_of("device: gpu\n"),
            "run.yaml:4: device is \"gpu\"; expected one of auto, cpu, cuda");
}

TEST_F(RunConfigTest, required_keys) {
  write("empty.yaml", "");
  EXPECT_EQ(error_of_file([&] { read_run_config(folder_ / "empty.yaml"); }),
            "empty.yaml: base_model is missing: name the model to start from");
  write("list.yaml", "- a\n");
  EXPECT_EQ(error_of_file([&] { read_run_config(folder_ / "list.yaml"); }),
            "list.yaml:1: expected lines of \"key: value\", found a list");
  EXPECT_THAT(error_of_file([&] { read_run_config(folder_ / "absent.yaml"); }),
              names("absent.yaml: ", "`temper init`"));
  write("two.yaml", "base_model: base\noutput_dir: out\n");
  EXPECT_THAT(error_of_file([&] { read_run_config(folder_ / "two.yaml"); }),
              names("two.yaml: datasets", "`temper pack`"));
}

TEST_F(RunConfigTest, files_must_exist) {
  EXPECT_EQ(error_of("test_datasets: gone.h5\n"),
            "run.yaml:4: test_datasets names gone.h5, which does not exist");
  EXPECT_THAT(error_of("", {"base_model=meta-llama/Llama-3.1-8B"}),
              names("--set base_model: base_model is meta-llama/Llama-3.1-8B", "local directory"));
  fs::create_directory(folder_ / "bare");
  EXPECT_THAT(error_of("", {"base_model=bare"}),
              names("--set base_model: base_model is bare", "no config.json"));
  EXPECT_THAT(error_of("", {"output_dir=train.h5"}),
              names("--set output_dir: output_dir is train.h5"));
}

TEST_F(RunConfigTest, aliases_of_other_trainers) {
  const RunConfig config = read(
      "finetuning_type: lora\nlora_rank: 8\ncutoff_len: 512\nper_device_train_batch_size: 2\n"
      "num_train_epochs: 2\nlr_scheduler_type: constant_with_warmup\nlora_target: q_proj,v_proj\n"
      "eval_dataset: test.h5\ngradient_clipping: 0.5\n");
  EXPECT_EQ(config.adapter, "lora");
  EXPECT_EQ(config.lora_r, 8);
  EXPECT_EQ(config.sequence_len, 512);
  EXPECT_EQ(config.micro_batch_size, 2);
  EXPECT_EQ(config.num_epochs, 2.0);
  EXPECT_EQ(config.lr_scheduler, "constant");
  EXPECT_THAT(config.lora_target_modules, ElementsAre("q_proj", "v_proj"));
  EXPECT_THAT(config.test_datasets, ElementsAre(DatasetEntry{folder_ / "test.h5", 1.0}));
  EXPECT_EQ(config.max_grad_norm, 0.5);
}

TEST_F(RunConfigTest, alias_beside_its_key_is_refused) {
  EXPECT_EQ(error_of("adapter: lora\nlora_r: 8\nlora_rank: 4\n"),
            "run.yaml:6: \"lora_rank\" is another name of \"lora_r\", which run.yaml:5 gives "
            "already");
}

TEST_F(RunConfigTest, batch_sizes_follow_from_each_other) {
  EXPECT_EQ(read("micro_batch_size: 4\nglobal_batch_size: 32\n").gradient_accumulation_steps, 8);
  EXPECT_EQ(read("micro_batch_size: 4\ngradient_accumulation_steps: 3\n").global_batch_size, 12);
  EXPECT_EQ(read("micro_batch_size: 4\n").global_batch_size, 4);
  EXPECT_EQ(error_of("micro_batch_size: 4\nglobal_batch_size: 30\n"),
            "run.yaml:5: global_batch_size is 30, which is no multiple of micro_batch_size 4");
  EXPECT_EQ(error_of("global_batch_size: 8\ngradient_accumulation_steps: 4\n"),
            "run.yaml:4: global_batch_size is 8, but micro_batch_size 1 x "
            "gradient_accumulation_steps 4 is 4: leave one of the two out");
  EXPECT_EQ(error_of("global_batch_size: 0\n"),
            "run.yaml:4: global_batch_size is 0; it must be at least 1");
}

TEST_F(RunConfigTest, ranges) {
  const std::vector<std::pair<std::string, std::string>> wrong = {
      {"lora_dropout", "1"},    {"micro_batch_size", "0"}, {"num_epochs", "0"},
      {"learning_rate", "-1"},  {"warmup_ratio", "1.5"},   {"min_lr_ratio", "2"},
      {"adam_beta1", "1"},      {"adam_epsilon", "0"},     {"max_grad_norm", "-1"},
      {"weight_decay", "-0.1"}, {"logging_steps", "0"},    {"save_steps", "-5"},
      {"sequence_len", "1"},    {"threads_per_rank", "0"}, {"max_steps", "-1"}};
  for (const auto& [key, value] : wrong) {
    EXPECT_THAT(error_of("adapter: lora\n" + key + ": " + value + "\n"),
                names("run.yaml:5: " + key + " is " + value))
        << key;
  }
  EXPECT_EQ(error_of("test_datasets: [{path: test.h5, weight: 0}]\n"),
            "run.yaml:4: test_datasets[0].weight is 0; it must be above 0");
}

TEST_F(RunConfigTest, the_learning_rate_follows_from_what_is_trained) {
  EXPECT_EQ(read("").learning_rate, 1e-5);
  EXPECT_EQ(read("adapter: full\n").learning_rate, 1e-5);
  EXPECT_EQ(read("adapter: lora\n").learning_rate, 2e-4);
  EXPECT_EQ(read("", {"adapter=lora"}).learning_rate, 2e-4);
  EXPECT_EQ(read("adapter: lora\nlr: 3e-3\n").learning_rate, 3e-3);
  EXPECT_THAT(resolved_yaml(read("adapter: lora\n")), HasSubstr("\nlearning_rate: 0.0002\n"));
}

TEST_F(RunConfigTest, a_batch_in_the_words_of_another_trainer_is_known_as_such) {
  EXPECT_EQ(read("gradient_accumulation_steps: 8\n").batch_counted_by, "axolotl");
  EXPECT_EQ(
      read("per_device_train_batch_size: 2\ngradient_accumulation_steps: 8\n").batch_counted_by,
      "transformers");
  EXPECT_EQ(read("micro_batch_size: 2\nglobal_batch_size: 8\n").batch_counted_by, "");
  EXPECT_EQ(read("per_device_train_batch_size: 2\nglobal_batch_size: 8\n").batch_counted_by, "");
  EXPECT_EQ(read("gradient_accumulation_steps: 8\n", {"global_batch_size=8"}).batch_counted_by, "");
}

TEST_F(RunConfigTest, saves_come_by_time_unless_steps_are_given) {
  EXPECT_EQ(read("").save_minutes, 15.0);
  EXPECT_EQ(read("save_steps: 0\n").save_minutes, 15.0);
  EXPECT_EQ(read("save_steps: 10\n").save_minutes, 0.0);
  EXPECT_EQ(read("save_steps: 10\nsave_minutes: 30\n").save_minutes, 30.0);
  EXPECT_EQ(read("save_minutes: 0\n").save_minutes, 0.0);
  EXPECT_EQ(read("", {"save_steps=10"}).save_minutes, 0.0);
  EXPECT_EQ(error_of("save_minutes: -1\n"),
            "run.yaml:4: save_minutes is -1; it must be at least 0");
}

TEST_F(RunConfigTest, time_limit_is_seconds_or_hours_minutes_seconds) {
  EXPECT_EQ(read("max_wall_time: 5400\n").max_wall_time, 5400);
  EXPECT_EQ(read("max_wall_time: 1:30:05\n").max_wall_time, 5405);
  EXPECT_EQ(read("max_wall_time: \"100:00:00\"\n").max_wall_time, 360000);
  for (const std::string wrong :
       {"90m", "1:30", "1:60:00", "1:5:00", "-1", "1:-1:00", ":00:00", "99999999999", "\"\""}) {
    EXPECT_THAT(error_of("max_wall_time: " + wrong + "\n"),
                names("run.yaml:4: max_wall_time is ", wrong, "H:MM:SS"))
        << wrong;
  }
}

TEST_F(RunConfigTest, combinations) {
  EXPECT_THAT(error_of("warmup_steps: 5\nwarmup_ratio: 0.1\n"),
              names("run.yaml:5: warmup_ratio is 0.1", "warmup_steps is 5"));
  EXPECT_THAT(error_of("max_steps: 5\nwarmup_steps: 6\n"),
              names("run.yaml:5: warmup_steps is 6", "max_steps 5"));
  EXPECT_THAT(error_of("early_stopping_patience: 2\n"),
              names("run.yaml:4: early_stopping_patience", "test_datasets"));
  EXPECT_THAT(error_of("early_stopping_patience: 2\ntest_datasets: test.h5\n"),
              names("run.yaml:4: early_stopping_patience", "eval_steps"));
  EXPECT_EQ(error_of("lora_r: 8\n"),
            "run.yaml:4: lora_r is given, but adapter is not: write adapter: lora");
}

TEST_F(RunConfigTest, overrides_replace_and_add) {
  const RunConfig config = read("lora_rank: 8\nadapter: lora\n",
                                {"lora_r=4", "learning_rate=1e-5", "slurm.time=01:00:00",
                                 "datasets.0.weight=3", "lora_target_modules=[q_proj]"});
  EXPECT_EQ(config.lora_r, 4);
  EXPECT_EQ(config.learning_rate, 1e-5);
  EXPECT_EQ(config.slurm.time, "01:00:00");
  EXPECT_EQ(config.datasets[0].weight, 3.0);
  EXPECT_THAT(config.lora_target_modules, ElementsAre("q_proj"));
}

TEST_F(RunConfigTest, override_takes_the_other_spelling_away) {
  EXPECT_EQ(read("gradient_accumulation_steps: 4\n", {"global_batch_size=8"}).global_batch_size, 8);
  EXPECT_EQ(read("warmup_ratio: 0.1\n", {"warmup_steps=5"}).warmup_ratio, 0.0);
}

TEST_F(RunConfigTest, override_errors_name_the_option) {
  EXPECT_EQ(error_of("", {"lerning_rate=1"}),
            "--set lerning_rate: unknown key \"lerning_rate\" (did you mean \"learning_rate\"?)");
  EXPECT_EQ(error_of("", {"max_steps=many"}),
            "--set max_steps: max_steps is \"many\"; expected a whole number");
  EXPECT_EQ(error_of("", {"datasets.1.weight=2"}),
            "--set datasets.1.weight: \"1\" is no index of this list of 1 (they begin at 0)");
  EXPECT_THAT(error_of("", {"seed.x=2"}), EndsWith("--set seed.x: seed is a group of keys; "
                                                   "expected a whole number, 0 or more"));
  EXPECT_THAT(error_of("", {"max_steps"}), names("--set max_steps: ", "KEY=VALUE"));
  EXPECT_EQ(error_of("", {".=1"}), "--set .: the key is not complete");
}

TEST_F(RunConfigTest, slurm_group) {
  const RunConfig config = read(
      "slurm:\n  nodes: 2\n  ntasks_per_node: 4\n  cpus_per_task: 8\n  time: \"24:00:00\"\n"
      "  partition: gpu\n  account: med\n  qos: high\n  mem: 64G\n  gpus_per_node: 4\n"
      "  modules: [gcc/12, openmpi]\n  extra: [\"--constraint=a100\"]\n");
  EXPECT_EQ(config.slurm.nodes, 2);
  EXPECT_EQ(config.slurm.ntasks_per_node, 4);
  EXPECT_EQ(config.slurm.time, "24:00:00");
  EXPECT_THAT(config.slurm.modules, ElementsAre("gcc/12", "openmpi"));
  EXPECT_THAT(config.slurm.extra, ElementsAre("--constraint=a100"));
  EXPECT_THAT(error_of("slurm: {partition: \"gpu\\nrm -rf x\"}\n"),
              names("run.yaml:4: slurm.partition", "code 10"));
  EXPECT_THAT(error_of("slurm: {extra: [\"x; y\"]}\n"),
              names("run.yaml:4: slurm.extra", "\"x; y\"", "\"-\""));
}

TEST_F(RunConfigTest, slurm_group_of_a_jobs_life) {
  const SlurmConfig slurm =
      read(
          "slurm: {constraint: \"a100&ib\", launcher: srun, signal_seconds: 60, max_requeues: 0, "
          "max_restarts: 5, exclude_failed_nodes: true, container: /a b.sif, "
          "env: {A_1: \"it's $x\", B: 2}}\n")
          .slurm;
  EXPECT_EQ(slurm.launcher, LauncherChoice::kSrun);
  EXPECT_EQ(slurm.max_restarts, 5);
  EXPECT_TRUE(slurm.exclude_failed_nodes);
  EXPECT_THAT(slurm.env, ElementsAre("A_1=it's $x", "B=2"));
  EXPECT_THAT(error_of("slurm: {launcher: torchrun}\n"),
              names("run.yaml:4: slurm.launcher is \"torchrun\"", "auto, mpirun, srun"));
  EXPECT_THAT(error_of("slurm: {signal_seconds: 0}\n"),
              names("run.yaml:4: slurm.signal_seconds is 0"));
  EXPECT_THAT(error_of("slurm: {env: [\"1A=2\"]}\n"),
              names("run.yaml:4: slurm.env", "\"1A\"", "NAME=VALUE"));
  EXPECT_THAT(error_of("slurm: {env: {A: \"x\\ny\"}}\n"),
              names("run.yaml:4: slurm.env", "line break"));
  EXPECT_THAT(error_of("slurm: {container: \"x\\ny\"}\n"),
              names("run.yaml:4: slurm.container", "line break"));
}

TEST_F(RunConfigTest, slurm_group_alone_needs_no_datasets) {
  write("pack.yaml", "datasets: later.h5\nslurm: {nodes: 3}\n");
  EXPECT_EQ(read_slurm_config(folder_ / "pack.yaml").nodes, 3);
  write("pack.yaml", "slurm: {nodes: 0}\n");
  EXPECT_THROW(read_slurm_config(folder_ / "pack.yaml"), UserError);
}

TEST_F(RunConfigTest, sweep) {
  const RunConfig config = read("sweep: {learning_rate: [1e-4, 2e-4], seed: [1]}\n");
  ASSERT_EQ(config.sweep.size(), 2u);
  EXPECT_EQ(config.sweep[0].key, "learning_rate");
  EXPECT_THAT(config.sweep[0].values, ElementsAre("1e-4", "2e-4"));
  EXPECT_THAT(error_of("sweep: {learning_rat: [1]}\n"),
              names("run.yaml:4: sweep", "\"learning_rat\""));
  EXPECT_THAT(error_of("sweep: {output_dir: [a]}\n"), names("run.yaml:4: sweep", "\"output_dir\""));
  EXPECT_THAT(error_of("sweep: {seed: []}\n"), names("run.yaml:4: sweep", "no value for seed"));
  EXPECT_THAT(error_of("sweep: 3\n"), names("run.yaml:4: sweep is \"3\"", "{KEY: [VALUE, ...]}"));
}

TEST_F(RunConfigTest, an_adapter_to_go_on_with) {
  fs::create_directory(folder_ / "adapter");
  EXPECT_EQ(error_of("adapter: lora\nlora_model_dir: adapter\n"),
            "run.yaml:5: lora_model_dir is adapter, which holds no adapter_config.json: give a "
            "PEFT directory");
  write("adapter/adapter_config.json", "{}");
  const RunConfig config = read("adapter: lora\nlora_model_dir: adapter\nlora_rank: 4\n");
  EXPECT_EQ(config.lora_model_dir, folder_ / "adapter");
  EXPECT_THAT(config.lora_keys_given, ElementsAre("lora_model_dir", "lora_r"));
  EXPECT_TRUE(read("adapter: lora\nlora_r: 4\n").lora_keys_given.empty());
  EXPECT_THAT(error_of("adapter: full\nlora_model_dir: adapter\n"),
              names("run.yaml:5: lora_model_dir", "adapter is not lora"));
  EXPECT_THAT(error_of("lora_model_dir: adapter\n"),
              names("run.yaml:4: lora_model_dir", "adapter: lora"));
}

TEST_F(RunConfigTest, paths_are_relative_to_the_file_and_home) {
  fs::create_directory(folder_ / "sub");
  write("sub/run.yaml", "base_model: ../base/\ndatasets: ../train.h5\noutput_dir: ~/runs/x\n");
  const RunConfig config = read_run_config(folder_ / "sub/run.yaml");
  EXPECT_EQ(config.base_model, folder_ / "base");
  EXPECT_EQ(config.output_dir, fs::path(std::getenv("HOME")) / "runs/x");
}

TEST_F(RunConfigTest, a_datasets_share_of_the_epoch_decides_its_weight) {
  const RunConfig config =
      read("", {"datasets=[{path: train.h5, weight: 2}, {path: test.h5, share: 0.05}]"});
  const std::vector<double> weights = dataset_weights(config.datasets, {95, 40});
  EXPECT_DOUBLE_EQ(weights[0], 2.0);
  EXPECT_DOUBLE_EQ(weights[1], 0.25) << "10 rows of 200";
  write("resolved.yaml", resolved_yaml(config));
  EXPECT_EQ(read_run_config(folder_ / "resolved.yaml"), config);

  EXPECT_THAT(error_of("", {"datasets=[{path: train.h5}, {path: test.h5, share: 1}]"}),
              names("datasets[1].share is 1;", "below 1"));
  EXPECT_THAT(error_of("", {"datasets=[{path: train.h5, share: 0.5}]"}),
              names("--set datasets: datasets", "0.5"));
  EXPECT_THAT(error_of("", {"datasets=[{path: train.h5, share: 0.5}, {path: test.h5, share: 0.6}, "
                            "test.h5]"}),
              names("--set datasets: datasets", "1.1"));
}

TEST_F(RunConfigTest, resolved_copy_reads_back_equal) {
  const RunConfig config = read(
      "adapter: lora\nlora_r: 8\nlora_alpha: 12.7\nlora_dropout: 0.05\nuse_rslora: true\n"
      "lora_target_modules: [v_proj, q_proj]\nlora_modules_to_save: [lm_head]\n"
      "base_placement: sharded\n"
      "test_datasets: [{path: test.h5, weight: 0.3}, train.h5]\ngeneral_datasets: test.h5\n"
      "sequence_len: 128\nshuffle: false\nmicro_batch_size: 2\nglobal_batch_size: 12\n"
      "num_epochs: 1.5\nmax_steps: 77\nlearning_rate: 3.3e-5\nlr_scheduler: linear\n"
      "warmup_steps: 7\nmin_lr_ratio: 0.1\nweight_decay: 0.01\nadam_beta1: 0.8\nadam_beta2: 0.95\n"
      "adam_epsilon: 1e-7\nmax_grad_norm: 0.3\nbf16: true\ngradient_checkpointing: true\n"
      "seed: 18446744073709551615\neval_steps: 3\nlogging_steps: 4\nsave_steps: 5\n"
      "save_minutes: 2.5\n"
      "save_total_limit: 6\nearly_stopping_patience: 7\ndevice: cuda\nthreads_per_rank: 8\n"
      "slurm: {nodes: 2, time: \"1:00\", modules: [a], extra: [\"--x=[1-2]\"]}\n",
      {"output_dir=\"out: \\\"put\\\" #1\""});
  EXPECT_EQ(config.seed, 18446744073709551615u);
  EXPECT_EQ(config.output_dir.filename(), "out: \"put\" #1");
  write("resolved.yaml", resolved_yaml(config));
  EXPECT_EQ(read_run_config(folder_ / "resolved.yaml"), config);

  const RunConfig plain = read("");
  write("resolved.yaml", resolved_yaml(plain));
  EXPECT_EQ(read_run_config(folder_ / "resolved.yaml"), plain);
}

TEST_F(RunConfigTest, resolved_copy_names_every_key) {
  const std::string text = resolved_yaml(read(""));
  for (const ConfigKey& key : config_keys()) {
    if (key.name == "gradient_accumulation_steps") continue;  // follows from the other two
    EXPECT_THAT(text, HasSubstr(key.name.substr(key.name.find('.') + 1) + ":"));
  }
}

TEST_F(RunConfigTest, example_reads_and_its_comments_are_the_defaults) {
  fs::create_directories(folder_ / "models/base");
  write("models/base/config.json", "{}");
  fs::create_directory(folder_ / "data");
  write("data/train.h5", "x");
  write("example.yaml", example_run_yaml());
  const RunConfig config = read_run_config(folder_ / "example.yaml");
  EXPECT_EQ(config.adapter, "lora");
  EXPECT_EQ(config.global_batch_size, 16);

  // Without the "#" before a key nothing changes: what is shown is the default.
  std::string all =
      std::regex_replace(example_run_yaml(), std::regex("(^|\n)#(  )?(?=[a-z])"), "$1$2");
  all =
      std::regex_replace(all, std::regex("\n(gradient_accumulation_steps|warmup_steps)[^\n]*"), "");
  write("all.yaml", all);
  EXPECT_EQ(read_run_config(folder_ / "all.yaml"), config);
  for (const ConfigKey& key : config_keys()) {
    EXPECT_THAT(example_run_yaml(), HasSubstr(key.name.substr(key.name.find('.') + 1) + ": "));
  }
}

}  // namespace
}  // namespace temper
