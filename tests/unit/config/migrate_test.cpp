// Configurations of other trainers, as they are found, against the run.yaml that comes of them.
#include "config/migrate/migrate_run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "common/error.h"
#include "config/config_keys.h"
#include "config/run_config.h"
#include "config/yaml_tree.h"
#include "tests/fixtures/names.h"
#include "tests/unit/error_text.h"
#include "tests/unit/temporary_directory.h"

namespace temper {
namespace {

namespace fs = std::filesystem;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

const fs::path kFixtures = TEMPER_MIGRATE_DIR;

class MigrateTest : public ::testing::Test {
 protected:
  Migration migrate(const std::string& fixture, int64_t processes = 1) {
    return migrate_run(kFixtures / fixture, {.num_processes = processes, .trainer = std::nullopt});
  }
  Migration migrate_text(const std::string& text, std::optional<Trainer> trainer = std::nullopt) {
    return migrate_run(folder_.write("there.yml", text), {.num_processes = 1, .trainer = trainer});
  }
  std::string error_of(const std::string& text) {
    return error_text<UserError>([&] { migrate_text(text); });
  }

  // What read_run_config makes of it, once the model and the datasets are there.
  RunConfig read_back(const Migration& migration) {
    const std::string text = migration_text(migration, "there.yml");
    folder_.write("run.yaml", text);
    for (const std::string& path : paths_in(text)) touch(path);
    touch(migration.model + "/config.json");
    return read_run_config(folder_ / "run.yaml");
  }

  TemporaryDirectory folder_;

 private:
  static std::vector<std::string> paths_in(const std::string& yaml) {
    std::vector<std::string> paths;
    for (size_t at = 0; (at = yaml.find("{path: ", at)) != yaml.npos;) {
      at += 7;
      paths.push_back(yaml.substr(at, yaml.find(',', at) - at));
    }
    return paths;
  }
  void touch(const std::string& path) {
    const fs::path file = folder_.path() / path;
    fs::create_directories(file.parent_path());
    std::ofstream(file) << "{}";
  }
};

std::vector<std::string> left_out_names(const Migration& migration) {
  std::vector<std::string> names;
  for (const LeftOutKey& key : migration.left_out) names.push_back(key.key);
  return names;
}

TEST_F(MigrateTest, the_trainer_is_told_by_its_keys) {
  EXPECT_EQ(migrate("axolotl_lora.yml").trainer, Trainer::kAxolotl);
  EXPECT_EQ(migrate("axolotl_full.yml", 2).trainer, Trainer::kAxolotl);
  EXPECT_EQ(migrate("llama_factory_lora.yaml").trainer, Trainer::kLlamaFactory);
  EXPECT_EQ(migrate("trl_sft.yaml").trainer, Trainer::kTrl);
  EXPECT_EQ(migrate("training_arguments.yaml").trainer, Trainer::kTrl);
}

TEST_F(MigrateTest, the_global_batch_counts_every_process) {
  EXPECT_EQ(migrate("axolotl_lora.yml", 1).batch.rows(), 2 * 8);
  const Migration four = migrate("axolotl_lora.yml", 4);
  EXPECT_EQ(four.keys.at("global_batch_size").yaml, "64");
  EXPECT_EQ(four.keys.at("micro_batch_size").yaml, "2");
  EXPECT_FALSE(four.has("gradient_accumulation_steps"));
  EXPECT_THAT(migration_text(four, "a.yml"),
              HasSubstr("2 rows a process x 8 accumulated x 4 processes = 64 rows"));
}

TEST_F(MigrateTest, processes_that_share_their_rows_count_once) {
  // batch_size 32 of micro_batch_size 4; two of the four processes hold one model.
  EXPECT_EQ(migrate("axolotl_full.yml", 4).batch.rows(), 4 * 8 * 2);
  EXPECT_THAT(error_text<UserError>([&] { migrate("axolotl_full.yml", 3); }),
              names("tensor_parallel_size", "3", "--nproc"));
}

TEST_F(MigrateTest, what_comes_of_it_is_a_run_yaml) {
  for (const char* fixture :
       {"axolotl_lora.yml", "axolotl_full.yml", "trl_sft.yaml", "training_arguments.yaml"}) {
    SCOPED_TRACE(fixture);
    const RunConfig config = read_back(migrate(fixture, 4));
    EXPECT_EQ(config.global_batch_size, 64);
  }
}

TEST_F(MigrateTest, axolotl_lora) {
  const Migration migration = migrate("axolotl_lora.yml", 4);
  const RunConfig config = read_back(migration);
  EXPECT_TRUE(config.is_lora());
  EXPECT_EQ(config.lora_r, 32);
  EXPECT_EQ(config.lora_alpha, 16.0);
  EXPECT_THAT(config.lora_target_modules, ElementsAre("all-linear"));
  EXPECT_EQ(config.warmup_ratio, 0.1);
  EXPECT_EQ(config.learning_rate, 2e-4);
  EXPECT_EQ(config.datasets.size(), 2U);
  EXPECT_EQ(config.test_datasets.size(), 2U);  // val_set_size
  EXPECT_THAT(migration.preparation,
              Contains(names("temper pack data/discharge.jsonl", "--format sharegpt",
                             "--column conversations=dialogue", "--chat-template llama3",
                             "--roles-to-train assistant", "--overlong drop", "--val-split 0.05")));
  EXPECT_THAT(migration.preparation, Contains(names("load_dataset", "split=\"train[:10%]\"",
                                                    "data/alpaca_2k_test.jsonl")));
  EXPECT_THAT(left_out_names(migration), Contains("ward_colour"));
  EXPECT_THAT(migration.off, ElementsAre("load_in_8bit", "load_in_4bit", "tf32"));
}

TEST_F(MigrateTest, axolotl_full_without_packing) {
  const Migration migration = migrate("axolotl_full.yml", 2);
  const RunConfig config = read_back(migration);
  EXPECT_FALSE(config.is_lora());
  EXPECT_EQ(config.lr_scheduler, "constant");
  EXPECT_EQ(config.warmup_steps, 0);  // their constant has none
  EXPECT_EQ(config.early_stopping_patience, 3);
  EXPECT_FALSE(config.bf16);
  EXPECT_THAT(migration.preparation,
              Contains(names("corpora/judgments.jsonl", "--format text", "--column text=judgment",
                             "--overlong truncate")));
  EXPECT_THAT(left_out_names(migration),
              ElementsAre("optimizer", "warm-up", "save_steps", "deepspeed"));
  EXPECT_THAT(migration_text(migration, "a.yml"), HasSubstr("A row was one record there"));
}

TEST_F(MigrateTest, llama_factory_with_its_register_of_datasets) {
  const Migration migration = migrate("llama_factory_lora.yaml");
  EXPECT_EQ(migration.keys.at("lora_alpha").yaml, "16");  // twice the rank
  EXPECT_THAT(migration.preparation,
              Contains(names("data/ward_rounds.json", "--format chat", "--column messages=turns",
                             "--column system=setting", "--chat-template qwen")));
  EXPECT_THAT(migration.preparation,
              Contains(names("data/tariff.csv", "--format alpaca", "--column instruction=question",
                             "--column input=context", "--column output=answer")));
  EXPECT_THAT(migration.remarks, Contains(HasSubstr("unlisted is not in data/dataset_info.json")));
  EXPECT_THAT(left_out_names(migration),
              Contains("dataset_info.json: tariff_questions.columns.history"));
}

TEST_F(MigrateTest, trl_with_its_defaults) {
  const Migration migration = migrate("trl_sft.yaml");
  const RunConfig config = read_back(migration);
  EXPECT_EQ(config.lora_dropout, 0.05);
  EXPECT_THAT(config.lora_target_modules, ElementsAre("q_proj", "v_proj"));
  EXPECT_EQ(config.warmup_ratio, 0.03);
  EXPECT_EQ(config.warmup_steps, 0);
  EXPECT_TRUE(config.bf16);
  EXPECT_EQ(config.max_steps, 0);
  EXPECT_EQ(config.test_datasets.front().path.filename(), "Capybara-test.h5");

  const RunConfig arguments = read_back(migrate("training_arguments.yaml"));
  EXPECT_FALSE(arguments.is_lora());
  EXPECT_FALSE(arguments.bf16);
  EXPECT_EQ(arguments.adam_beta2, 0.98);
  EXPECT_EQ(arguments.lr_scheduler, "cosine");
}

TEST_F(MigrateTest, every_key_is_carried_over_or_named) {
  for (const char* fixture : {"axolotl_lora.yml", "axolotl_full.yml", "llama_factory_lora.yaml",
                              "trl_sft.yaml", "training_arguments.yaml"}) {
    SCOPED_TRACE(fixture);
    const Migration migration = migrate(fixture, 2);
    for (const LeftOutKey& key : migration.left_out) EXPECT_FALSE(key.reason.empty()) << key.key;
    const std::string text = migration_text(migration, fixture);
    for (const YamlEntry& entry : read_yaml_map(kFixtures / fixture).entries) {
      if (entry.value.is_null() || migration.has(canonical_key(entry.key))) continue;
      EXPECT_THAT(text, HasSubstr(entry.key));
    }
  }
}

TEST_F(MigrateTest, no_value_of_a_key_that_is_left_out_is_shown) {
  EXPECT_THAT(migration_text(migrate("trl_sft.yaml"), "trl_sft.yaml"),
              Not(HasSubstr("hf_abcdefghijklmnop")));
}

TEST_F(MigrateTest, text_of_the_file_stays_inside_its_comment) {
  const Migration migration = migrate_text(
      "base_model: b\nsample_packing: true\ndatasets:\n"
      "  - {path: \"a\\nseed: 13\\n.jsonl\", type: chat_template}\n\"x\\nseed: 12\": 1\n");
  const std::string text = migration_text(migration, "there.yml\nseed: 11");
  EXPECT_THAT(text, Not(HasSubstr("\nseed:")));
}

TEST_F(MigrateTest, a_word_of_the_shell_is_quoted) {
  EXPECT_EQ(shell_word("data/a-b.jsonl"), "data/a-b.jsonl");
  EXPECT_EQ(shell_word("a b'; rm"), "'a b'\\''; rm'");
  EXPECT_EQ(shell_word(""), "''");
}

TEST_F(MigrateTest, what_it_refuses_has_a_place) {
  const std::string place = (folder_ / "there.yml").string();
  EXPECT_THAT(error_of("base_model: m\nsample_packing: [\n"), names(place + ":", "not valid YAML"));
  EXPECT_THAT(error_of("colour: blue\n"), names(place + ":1:", "--from"));
  EXPECT_THAT(error_of("base_model: m\ndatasets: [a.h5]\noutput_dir: o\n"),
              names(place + ":1:", "run.yaml of temper already"));
  EXPECT_THAT(error_of("stage: dpo\nmodel_name_or_path: m\n"), names(place + ":1:", "dpo"));
  EXPECT_THAT(error_of("base_model: m\nsample_packing: true\nadapter: llama-adapter\n"),
              names(place + ":3:", "llama-adapter"));
  EXPECT_THAT(error_of("micro_batch_size: many\nsample_packing: true\n"),
              names(place + ":1:", "micro_batch_size", "many"));
  EXPECT_THAT(error_of("sample_packing: true\ntemplate: qwen\n"),
              names(place + ":1:", "axolotl", "LLaMA-Factory", "--from"));
  EXPECT_THAT(error_text<UserError>([&] { migrate("nothing.yml"); }),
              names("nothing.yml", "no such file"));
}

TEST_F(MigrateTest, a_trainer_that_is_named_is_believed) {
  const Migration migration =
      migrate_text("sample_packing: true\ntemplate: qwen\n", Trainer::kLlamaFactory);
  EXPECT_EQ(migration.trainer, Trainer::kLlamaFactory);
  EXPECT_EQ(trainer_named("trl"), Trainer::kTrl);
  EXPECT_THAT(error_text<UserError>([] { trainer_named("nemo"); }), names("--from", "nemo"));
}

TEST_F(MigrateTest, an_adapter_that_is_gone_on_with_decides_its_keys) {
  const Migration migration = migrate_text(
      "base_model: b\nadapter: qlora\nlora_model_dir: old\nlora_r: 8\nsample_packing: true\n");
  EXPECT_EQ(migration.keys.at("lora_model_dir").yaml, "old");
  EXPECT_FALSE(migration.has("lora_r"));
  EXPECT_THAT(left_out_names(migration), ElementsAre("lora_r"));
  EXPECT_THAT(migration.remarks, Contains(HasSubstr("qlora")));
}

}  // namespace
}  // namespace temper
