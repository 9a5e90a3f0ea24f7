#include "arch/run_adapter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "arch/adapter_origin.h"
#include "common/error.h"
#include "tests/fixtures/names.h"
#include "tests/unit/arch/tiny_models.h"
#include "tests/unit/error_text.h"
#include "tests/unit/temporary_directory.h"

namespace temper {
namespace {

using testing::ElementsAre;

class RunAdapterTest : public testing::Test {
 protected:
  RunAdapterTest() {
    earlier_.r = 6;
    earlier_.alpha = 9.0;
    earlier_.dropout = 0.1;
    earlier_.use_rslora = true;
    earlier_.target_modules = {"k_proj", "q_proj"};
    earlier_.rank_pattern = {{"layers.1.self_attn.q_proj", 3}};
    earlier_.alpha_pattern = {{"k_proj", 2.5}};
    earlier_.modules_to_save = {"lm_head"};
    directory_.write("adapter_config.json", earlier_.to_json("base").dump());
    config_.adapter = "lora";
    config_.lora_model_dir = directory_.path();
  }

  std::string refusal() {
    return error_text<UserError>([&] { lora_of_run(config_, tiny_llama()); });
  }

  TemporaryDirectory directory_;
  LoraConfig earlier_;
  RunConfig config_;
};

TEST(RunAdapter, is_what_the_run_asks_for) {
  RunConfig config;
  config.adapter = "lora";
  config.lora_r = 3;
  config.lora_modules_to_save = {"lm_head"};
  const LoraConfig lora = lora_of_run(config, tiny_llama());
  EXPECT_EQ(lora.r, 3);
  EXPECT_EQ(lora.target_modules.size(), 7u);
  EXPECT_THAT(lora.modules_to_save, ElementsAre("lm_head"));
}

TEST_F(RunAdapterTest, goes_on_as_the_earlier_one_with_its_patterns) {
  const LoraConfig lora = lora_of_run(config_, tiny_llama());
  EXPECT_EQ(lora.to_json("base"), earlier_.to_json("base"));
  EXPECT_EQ(lora.rank("model.layers.1.self_attn.q_proj"), 3);
  EXPECT_EQ(lora.scale("model.layers.0.self_attn.k_proj"), 2.5 / std::sqrt(6.0));
  record_adapter(lora, config_);
  EXPECT_EQ(config_.lora_r, 6);
  EXPECT_THAT(config_.lora_target_modules, ElementsAre("k_proj", "q_proj"));
  // What is recorded is read again.
  config_.lora_keys_given = {"lora_r",       "lora_alpha",          "use_rslora",
                             "lora_dropout", "lora_target_modules", "lora_modules_to_save"};
  EXPECT_EQ(lora_of_run(config_, tiny_llama()).to_json("base"), earlier_.to_json("base"));
}

TEST_F(RunAdapterTest, a_contradiction_names_both) {
  config_.lora_r = 16;
  EXPECT_NO_THROW(lora_of_run(config_, tiny_llama())) << "a default contradicts nothing";
  config_.lora_keys_given = {"lora_r"};
  EXPECT_THAT(refusal(), names("lora_r: 16", "\"r\": 6", "adapter_config.json"));
  config_.lora_keys_given = {"lora_alpha"};
  EXPECT_THAT(refusal(), names("lora_alpha: 32", "\"lora_alpha\": 9"));
  config_.lora_keys_given = {"use_rslora"};
  EXPECT_THAT(refusal(), names("use_rslora: false"));
  config_.lora_keys_given = {"lora_target_modules"};
  EXPECT_THAT(refusal(),
              names("lora_target_modules: [down_proj, ", "\"target_modules\": [k_proj, q_proj]"));
  config_.lora_keys_given = {"lora_modules_to_save"};
  EXPECT_THAT(refusal(), names("lora_modules_to_save: []", "[lm_head]"));
}

TEST_F(RunAdapterTest, dropout_may_be_another) {
  EXPECT_EQ(lora_of_run(config_, tiny_llama()).dropout, 0.1);
  config_.lora_dropout = 0.3;
  config_.lora_keys_given = {"lora_dropout"};
  EXPECT_EQ(lora_of_run(config_, tiny_llama()).dropout, 0.3);
}

TEST_F(RunAdapterTest, an_adapter_for_another_architecture_is_refused_by_its_modules) {
  earlier_.target_modules = {"q_proj", "query_key_value"};
  directory_.write("adapter_config.json", earlier_.to_json("base").dump());
  EXPECT_THAT(refusal(), names("\"query_key_value\"", "down_proj, gate_proj"));
}

TEST(AdapterOrigin, another_base_is_refused_where_one_was_recorded) {
  const TemporaryDirectory directory;
  const auto never = []() -> Hash128 {
    ADD_FAILURE() << "the base was hashed for nothing";
    return {};
  };
  check_base_of_adapter(directory.path(), "base", never);
  directory.write("export_report.json", R"({"format": "something else"})");
  check_base_of_adapter(directory.path(), "base", never);
  const Json report = {{"format", "temper-export"},
                       {"source", {{"base_hash", hash_text("base").hex()}}}};
  directory.write("export_report.json", report.dump());
  EXPECT_NO_THROW(
      check_base_of_adapter(directory.path(), "base", [] { return hash_text("base"); }));
  EXPECT_THAT(error_text<UserError>([&] {
                check_base_of_adapter(directory.path(), "base", [] { return hash_text("other"); });
              }),
              names(directory.path().string(), hash_text("base").hex(), hash_text("other").hex()));
}

}  // namespace
}  // namespace temper
