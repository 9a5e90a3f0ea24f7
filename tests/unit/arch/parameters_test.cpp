#include "arch/parameters.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "common/error.h"
#include "tests/unit/arch/tiny_models.h"

namespace temper {
namespace {

using testing::ElementsAre;

const ParameterInfo* find(const std::vector<ParameterInfo>& list, const std::string& name) {
  const auto found = std::find_if(list.begin(), list.end(),
                                  [&](const ParameterInfo& info) { return info.name == name; });
  return found == list.end() ? nullptr : &*found;
}

TEST(ParametersTest, a_llama_has_those_of_hugging_face) {
  const auto list = base_parameters(tiny_llama());
  EXPECT_EQ(list.size(), 2 * 9 + 3u);
  EXPECT_EQ(list.front().name, "model.embed_tokens.weight");
  EXPECT_EQ(list.back().name, "lm_head.weight");
  EXPECT_THAT(find(list, "model.layers.1.self_attn.k_proj.weight")->shape, ElementsAre(32, 64));
  EXPECT_THAT(find(list, "model.layers.1.mlp.down_proj.weight")->shape, ElementsAre(64, 176));
  EXPECT_THAT(find(list, "model.layers.0.input_layernorm.weight")->shape, ElementsAre(64));
  // embedding + head, per block q + k + v + o + mlp + two norms, last norm
  EXPECT_EQ(count_elements(list),
            2 * 256 * 64 + 2 * (64 * 64 + 2 * 32 * 64 + 64 * 64 + 3 * 64 * 176 + 2 * 64) + 64);
}

TEST(ParametersTest, stages_are_in_order) {
  const auto list = base_parameters(tiny_llama());
  EXPECT_TRUE(std::is_sorted(list.begin(), list.end(),
                             [](const auto& a, const auto& b) { return a.stage < b.stage; }));
  EXPECT_EQ(list.front().stage, 0);
  EXPECT_EQ(find(list, "model.layers.0.mlp.up_proj.weight")->stage, 1);
  EXPECT_EQ(find(list, "model.norm.weight")->stage, 3);
  EXPECT_EQ(list.back().stage, 3);
}

TEST(ParametersTest, tied_models_have_no_head_of_their_own) {
  ModelConfig config = tiny_llama();
  config.tie_word_embeddings = true;
  EXPECT_EQ(find(base_parameters(config), "lm_head.weight"), nullptr);
}

TEST(ParametersTest, biases_and_head_norms_follow_the_config) {
  ModelConfig config = tiny_llama();
  config.qkv_bias = true;
  auto list = base_parameters(config);
  EXPECT_THAT(find(list, "model.layers.0.self_attn.v_proj.bias")->shape, ElementsAre(32));
  EXPECT_EQ(find(list, "model.layers.0.self_attn.o_proj.bias"), nullptr);
  EXPECT_EQ(find(list, "model.layers.0.mlp.up_proj.bias"), nullptr);
  config.output_bias = config.mlp_bias = config.qk_norm = true;
  list = base_parameters(config);
  EXPECT_THAT(find(list, "model.layers.0.self_attn.o_proj.bias")->shape, ElementsAre(64));
  EXPECT_THAT(find(list, "model.layers.0.mlp.down_proj.bias")->shape, ElementsAre(64));
  EXPECT_THAT(find(list, "model.layers.0.self_attn.q_norm.weight")->shape, ElementsAre(16));
  EXPECT_EQ(list.size(), 21u + 2 * (7 + 2));
}

TEST(ParametersTest, wide_heads_change_only_the_attention) {
  ModelConfig config = tiny_llama();
  config.head_dim = 32;
  const auto list = base_parameters(config);
  EXPECT_THAT(find(list, "model.layers.0.self_attn.q_proj.weight")->shape, ElementsAre(128, 64));
  EXPECT_THAT(find(list, "model.layers.0.self_attn.o_proj.weight")->shape, ElementsAre(64, 128));
}

TEST(ParametersTest, adapters_have_pefts_names_and_shapes) {
  LoraConfig lora;
  lora.r = 4;
  lora.target_modules = {"down_proj", "q_proj"};
  lora.rank_pattern = {{"layers.1.mlp.down_proj", 2}};
  const auto list = lora_parameters(tiny_llama(), lora);
  std::vector<std::string> names;
  for (const ParameterInfo& info : list) names.push_back(info.name);
  EXPECT_THAT(names, ElementsAre("base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight",
                                 "base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight",
                                 "base_model.model.model.layers.0.mlp.down_proj.lora_A.weight",
                                 "base_model.model.model.layers.0.mlp.down_proj.lora_B.weight",
                                 "base_model.model.model.layers.1.self_attn.q_proj.lora_A.weight",
                                 "base_model.model.model.layers.1.self_attn.q_proj.lora_B.weight",
                                 "base_model.model.model.layers.1.mlp.down_proj.lora_A.weight",
                                 "base_model.model.model.layers.1.mlp.down_proj.lora_B.weight"));
  EXPECT_THAT(list[2].shape, ElementsAre(4, 176));
  EXPECT_THAT(list[3].shape, ElementsAre(64, 4));
  EXPECT_THAT(list[6].shape, ElementsAre(2, 176));
  EXPECT_EQ(list[4].stage, 2);
}

TEST(ParametersTest, modules_to_save_follow_the_adapters_under_pefts_names) {
  LoraConfig lora;
  lora.target_modules = {"layers.0.self_attn.q_proj"};
  lora.modules_to_save = {"embed_tokens", "lm_head"};
  ModelConfig config = tiny_llama();
  const auto names_of = [](const std::vector<ParameterInfo>& list) {
    std::vector<std::string> names;
    for (const ParameterInfo& info : list) names.push_back(info.name);
    return names;
  };
  const std::string query = "base_model.model.model.layers.0.self_attn.q_proj.lora_";
  for (const bool tied : {false, true}) {
    config.tie_word_embeddings = tied;
    EXPECT_THAT(names_of(peft_parameters(config, lora)),
                ElementsAre(query + "A.weight", query + "B.weight",
                            "base_model.model.model.embed_tokens.weight",
                            "base_model.model.lm_head.weight"));
    EXPECT_EQ(parameter_of_peft_name(config, query + "A.weight"), query + "A.weight");
    EXPECT_EQ(parameter_of_peft_name(config, "base_model.model.lm_head.weight"),
              tied ? "model.embed_tokens.weight" : "lm_head.weight");
  }
  EXPECT_THAT(names_of(saved_parameters(config, lora)), ElementsAre("model.embed_tokens.weight"));
}

TEST(ParametersTest, linear_modules_belong_to_base_weights) {
  const ModelConfig config = tiny_llama();
  const auto list = base_parameters(config);
  EXPECT_EQ(linear_modules(config, 1).size(), 7u);
  for (const std::string& module : linear_modules(config, 1)) {
    EXPECT_NE(find(list, module + ".weight"), nullptr) << module;
  }
  EXPECT_THROW(linear_modules(config, 2), InternalError);
}

}  // namespace
}  // namespace temper
