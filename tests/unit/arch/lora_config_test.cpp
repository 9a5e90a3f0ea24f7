#include "arch/lora_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "common/error.h"
#include "tests/fixtures/names.h"
#include "tests/unit/arch/tiny_models.h"
#include "tests/unit/error_text.h"

namespace temper {
namespace {

using testing::ElementsAre;

const std::string kQuery0 = "model.layers.0.self_attn.q_proj";
const std::string kQuery1 = "model.layers.1.self_attn.q_proj";
const std::string kUp0 = "model.layers.0.mlp.up_proj";

LoraConfig read(const Json& json) {
  return LoraConfig::from_json(json, "adapter_config.json");
}

Json minimal() {
  return {{"peft_type", "LORA"}, {"target_modules", {"q_proj"}}};
}

std::string refusal_with(const std::string& key, Json value) {
  Json json = minimal();
  json[key] = std::move(value);
  const std::string text = error_text<UserError>([&] { read(json); });
  EXPECT_THAT(text, testing::AllOf(testing::StartsWith("adapter_config.json: "), names(key)));
  return text;
}

TEST(LoraConfigTest, absent_keys_take_pefts_defaults) {
  const LoraConfig lora = read(minimal());
  EXPECT_EQ(lora.r, 8);
  EXPECT_EQ(lora.alpha, 8.0);
  EXPECT_EQ(lora.dropout, 0.0);
  EXPECT_FALSE(lora.use_rslora);
  EXPECT_THAT(lora.target_modules, ElementsAre("q_proj"));
}

TEST(LoraConfigTest, target_modules_are_a_list_or_a_name) {
  Json json = minimal();
  json["target_modules"] = {"v_proj", "q_proj", "v_proj"};
  EXPECT_THAT(read(json).target_modules, ElementsAre("q_proj", "v_proj"));
  json["target_modules"] = "all-linear";
  EXPECT_THAT(read(json).target_modules, ElementsAre("all-linear"));
  json["target_modules"] = "o_proj";
  EXPECT_THAT(read(json).target_modules, ElementsAre("o_proj"));
  EXPECT_THAT(refusal_with("target_modules", ".*(q|v)_proj"),
              names("\".*(q|v)_proj\"", "all-linear"));
  EXPECT_THAT(refusal_with("target_modules", {"q_proj", "(k|v)_proj"}),
              names("\"(k|v)_proj\"", "all-linear"));
  EXPECT_THAT(refusal_with("target_modules", Json::array()), names("\"target_modules\" is []"));
  EXPECT_THAT(refusal_with("target_modules", {1}), names("\"target_modules\" is [1]"));
  EXPECT_THAT(refusal_with("target_modules", nullptr), names("\"target_modules\"", "missing"));
}

TEST(LoraConfigTest, targets_match_whole_components) {
  LoraConfig lora;
  lora.target_modules = {"q_proj", "layers.1.mlp.up_proj"};
  EXPECT_TRUE(lora.targets(kQuery0));
  EXPECT_TRUE(lora.targets("q_proj"));
  EXPECT_FALSE(lora.targets("model.layers.0.self_attn.eq_proj"));
  EXPECT_FALSE(lora.targets("model.layers.0.self_attn.q_proj.inner"));
  EXPECT_TRUE(lora.targets("model.layers.1.mlp.up_proj"));
  EXPECT_FALSE(lora.targets("model.layers.11.mlp.down_proj"));
  EXPECT_FALSE(lora.targets(kUp0));
}

TEST(LoraConfigTest, scale_is_alpha_over_rank_or_its_root) {
  LoraConfig lora;
  lora.r = 16;
  lora.alpha = 32.0;
  EXPECT_EQ(lora.scale(kQuery0), 2.0);
  lora.use_rslora = true;
  EXPECT_EQ(lora.scale(kQuery0), 8.0);
}

TEST(LoraConfigTest, patterns_change_single_modules) {
  Json json = minimal();
  json["r"] = 4;
  json["lora_alpha"] = 8;
  json["rank_pattern"] = {{"layers.1.self_attn.q_proj", 2}, {"up_proj", 16}};
  json["alpha_pattern"] = {{"up_proj", 64}};
  const LoraConfig lora = read(json);
  EXPECT_EQ(lora.rank(kQuery0), 4);
  EXPECT_EQ(lora.rank(kQuery1), 2);
  EXPECT_EQ(lora.rank(kUp0), 16);
  EXPECT_EQ(lora.rank("model.layers.0.mlp.pup_proj"), 4);
  EXPECT_EQ(lora.scale(kQuery0), 2.0);
  EXPECT_EQ(lora.scale(kQuery1), 4.0);
  EXPECT_EQ(lora.scale(kUp0), 4.0);
  EXPECT_THAT(refusal_with("rank_pattern", {{"^model.*", 4}}), names("rank_pattern: \"^model.*\""));
  EXPECT_THAT(refusal_with("rank_pattern", {{"q_proj", 0}}),
              names("rank_pattern: \"q_proj\" is 0", "65536"));
  EXPECT_THAT(refusal_with("alpha_pattern", {{"q_proj", "x"}}),
              names("alpha_pattern: \"q_proj\" is \"x\""));
}

TEST(LoraConfigTest, what_changes_the_mathematics_is_refused_by_key_and_value) {
  EXPECT_THAT(refusal_with("use_dora", true), names("\"use_dora\" is true"));
  EXPECT_THAT(refusal_with("bias", "all"), names("\"bias\" is \"all\"", "\"none\""));
  EXPECT_THAT(refusal_with("modules_to_save", {"l*"}), names("[\"l*\"]"));
  EXPECT_THAT(refusal_with("layers_to_transform", {0, 1}), names("[0,1]"));
  EXPECT_THAT(refusal_with("layers_to_transform", 1), names("\"layers_to_transform\" is 1"));
  EXPECT_THAT(refusal_with("lora_bias", true), names("\"lora_bias\" is true"));
  EXPECT_THAT(refusal_with("fan_in_fan_out", true), names("\"fan_in_fan_out\" is true"));
  EXPECT_THAT(refusal_with("exclude_modules", {"q_proj"}), names("[\"q_proj\"]"));
  EXPECT_THAT(refusal_with("layer_replication", {{0, 1}}), names("[0,1]"));
  EXPECT_THAT(refusal_with("trainable_token_indices", {1}), names("[1]"));
  EXPECT_THAT(refusal_with("use_something_new", true), names("\"use_something_new\" is true"));
  EXPECT_THAT(refusal_with("peft_type", "IA3"), names("\"IA3\"", "\"LORA\""));
  EXPECT_THAT(refusal_with("task_type", "SEQ_CLS"), names("\"SEQ_CLS\"", "\"CAUSAL_LM\""));
  EXPECT_THAT(refusal_with("init_lora_weights", "pissa"), names("\"pissa\""));
  EXPECT_THAT(refusal_with("r", 0), names("\"r\" is 0", "65536"));
  EXPECT_THAT(refusal_with("lora_alpha", 0), names("\"lora_alpha\" is 0"));
  EXPECT_THAT(refusal_with("lora_dropout", 1.0), names("\"lora_dropout\" is 1.0"));
}

TEST(LoraConfigTest, what_is_switched_off_is_accepted) {
  Json json = minimal();
  json.update({{"use_dora", false},
               {"modules_to_save", nullptr},
               {"layers_to_transform", nullptr},
               {"layers_pattern", Json::array()},
               {"loftq_config", Json::object()},
               {"exclude_modules", nullptr},
               {"something_new", nullptr},
               {"init_lora_weights", "gaussian"},
               {"revision", "main"},
               {"qalora_group_size", 16}});
  EXPECT_EQ(read(json).r, 8);
}

TEST(LoraConfigTest, what_is_written_is_read) {
  LoraConfig lora;
  lora.r = 32;
  lora.alpha = 48.0;
  lora.dropout = 0.05;
  lora.use_rslora = true;
  lora.target_modules = {"k_proj", "q_proj"};
  lora.rank_pattern = {{"k_proj", 4}};
  lora.alpha_pattern = {{"k_proj", 2.5}};
  const Json json = lora.to_json("bases/tiny");
  EXPECT_EQ(json.at("base_model_name_or_path"), "bases/tiny");
  EXPECT_TRUE(json.at("lora_alpha").is_number_integer());
  EXPECT_EQ(json.at("lora_dropout"), 0.05);
  EXPECT_TRUE(json.at("modules_to_save").is_null());
  const LoraConfig back = read(json);
  EXPECT_EQ(back.to_json("bases/tiny"), json);
  EXPECT_EQ(back.scale("x.k_proj"), 2.5 / 2.0);
  EXPECT_EQ(back.scale("x.q_proj"), 48.0 / std::sqrt(32.0));
}

TEST(ResolveLoraTargetsTest, all_linear_is_every_linear_module_of_the_blocks) {
  LoraConfig lora;
  lora.target_modules = {"all-linear"};
  resolve_lora_targets(lora, tiny_llama());
  EXPECT_THAT(lora.target_modules, ElementsAre("down_proj", "gate_proj", "k_proj", "o_proj",
                                               "q_proj", "up_proj", "v_proj"));
}

TEST(ResolveLoraTargetsTest, unknown_names_are_refused_with_the_known) {
  LoraConfig lora;
  for (const char* name : {"query", "lm_head", "layers.2.mlp.up_proj", "roj"}) {
    lora.target_modules = {"q_proj", name};
    EXPECT_THAT(error_text<UserError>([&] { resolve_lora_targets(lora, tiny_llama()); }),
                names(fmt::format("\"{}\"", name), "down_proj, gate_proj, k_proj"));
  }
  lora.target_modules = {};
  EXPECT_THAT(error_text<UserError>([&] { resolve_lora_targets(lora, tiny_llama()); }),
              names("LoRA target modules", "(or all-linear)"));
}

TEST(ResolveLoraTargetsTest, the_nearest_name_is_suggested) {
  LoraConfig lora;
  lora.target_modules = {"layers.0.mlp.gate_porj"};
  EXPECT_THAT(error_text<UserError>([&] { resolve_lora_targets(lora, tiny_llama()); }),
              names("layers.0.mlp.gate_porj", "\"gate_proj\""));
  lora.target_modules = {"lm_head"};
  EXPECT_THAT(error_text<UserError>([&] { resolve_lora_targets(lora, tiny_llama()); }),
              names("\"lm_head\"", "lora_modules_to_save"));
}

TEST(ResolveLoraTargetsTest, embedding_and_head_may_train_in_full) {
  LoraConfig lora;
  lora.target_modules = {"q_proj"};
  lora.modules_to_save = {"lm_head", "model.embed_tokens"};
  resolve_lora_targets(lora, tiny_llama());
  EXPECT_THAT(lora.modules_to_save, ElementsAre("embed_tokens", "lm_head"));
  EXPECT_TRUE(lora.saves("lm_head.weight"));
  EXPECT_TRUE(lora.saves("model.embed_tokens.weight"));
  EXPECT_FALSE(lora.saves("model.norm.weight"));
  const Json json = lora.to_json("base");
  EXPECT_EQ(json.at("modules_to_save"), Json({"embed_tokens", "lm_head"}));
  EXPECT_FALSE(json.contains("ensure_weight_tying"));
  EXPECT_EQ(read(json).modules_to_save, lora.modules_to_save);
  for (const char* name : {"norm", "lm_haed", "q_proj"}) {
    lora.modules_to_save = {name};
    EXPECT_THAT(error_text<UserError>([&] { resolve_lora_targets(lora, tiny_llama()); }),
                names(fmt::format("\"{}\"", name), "embed_tokens", "lm_head"));
  }
}

TEST(ResolveLoraTargetsTest, a_tied_matrix_trains_as_one_or_not_at_all) {
  ModelConfig tied = tiny_llama();
  tied.tie_word_embeddings = true;
  LoraConfig lora;
  lora.target_modules = {"q_proj"};
  resolve_lora_targets(lora, tied);
  EXPECT_FALSE(lora.ensure_weight_tying);
  lora.modules_to_save = {"lm_head"};
  EXPECT_THAT(error_text<UserError>([&] { resolve_lora_targets(lora, tied); }),
              names("lm_head", "embed_tokens", "tie_word_embeddings"));
  lora.ensure_weight_tying = true;  // as PEFT writes an adapter that keeps them tied
  resolve_lora_targets(lora, tied);
  EXPECT_THAT(lora.modules_to_save, ElementsAre("embed_tokens", "lm_head"));
  EXPECT_EQ(lora.to_json("base").at("ensure_weight_tying"), true);
  EXPECT_TRUE(read(lora.to_json("base")).ensure_weight_tying);
}

TEST(ResolveLoraTargetsTest, patterns_must_match_an_adapted_module) {
  LoraConfig lora;
  lora.target_modules = {"q_proj"};
  lora.rank_pattern = {{"layers.1.self_attn.q_proj", 2}};
  EXPECT_NO_THROW(resolve_lora_targets(lora, tiny_llama()));
  lora.rank_pattern = {{"v_proj", 2}};
  EXPECT_THAT(error_text<UserError>([&] { resolve_lora_targets(lora, tiny_llama()); }),
              names("rank_pattern", "\"v_proj\""));
  lora.rank_pattern = {};
  lora.alpha_pattern = {{"layers.7.self_attn.q_proj", 2.0}};
  EXPECT_THAT(error_text<UserError>([&] { resolve_lora_targets(lora, tiny_llama()); }),
              names("alpha_pattern", "\"layers.7.self_attn.q_proj\""));
}

}  // namespace
}  // namespace temper
