#include "arch/model_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "common/error.h"
#include "tests/fixtures/names.h"
#include "tests/unit/arch/tiny_models.h"
#include "tests/unit/error_text.h"
#include "tests/unit/temporary_directory.h"

namespace temper {
namespace {

using testing::ElementsAre;

ModelConfig read(const Json& json) {
  return ModelConfig::from_json(json, "config.json");
}

ModelConfig read_with(Json json, const std::string& key, Json value) {
  json[key] = std::move(value);
  return read(json);
}

std::string refusal(const Json& json) {
  const std::string text = error_text<UserError>([&] { read(json); });
  EXPECT_THAT(text, testing::StartsWith("config.json: "));
  return text;
}

std::string refusal_with(const std::string& key, Json value, Json json = tiny_llama_json()) {
  json[key] = std::move(value);
  return refusal(json);
}

TEST(ModelConfigTest, reads_a_llama_with_its_defaults) {
  const ModelConfig config = tiny_llama();
  EXPECT_EQ(config.architecture, "LlamaForCausalLM");
  EXPECT_EQ(config.vocab_size, 256);
  EXPECT_EQ(config.num_layers, 2);
  EXPECT_EQ(config.head_dim, 16);
  EXPECT_EQ(config.query_size(), 64);
  EXPECT_EQ(config.key_value_size(), 32);
  EXPECT_EQ(config.rms_norm_eps, 1e-5);
  EXPECT_EQ(config.rope, RopeConfig());
  EXPECT_FALSE(config.sliding_window);
  EXPECT_FALSE(config.tie_word_embeddings || config.qkv_bias || config.output_bias ||
               config.mlp_bias || config.qk_norm);
  EXPECT_EQ(config.bos_token_id, 1);
  EXPECT_THAT(config.eos_token_ids, ElementsAre(2));
  EXPECT_EQ(config.json, tiny_llama_json());
}

TEST(ModelConfigTest, old_llamas_have_as_many_key_heads_as_heads) {
  Json json = tiny_llama_json();
  json.erase("num_key_value_heads");
  EXPECT_EQ(read(json).num_kv_heads, 4);
  json["num_key_value_heads"] = nullptr;
  EXPECT_EQ(read(json).num_kv_heads, 4);
  json["architectures"] = {"Qwen2ForCausalLM"};
  json["model_type"] = "qwen2";
  EXPECT_THAT(refusal(json), names("\"num_key_value_heads\" is null"));
}

TEST(ModelConfigTest, biases_follow_the_family) {
  Json json = tiny_llama_json();
  json["attention_bias"] = true;
  EXPECT_TRUE(read(json).qkv_bias && read(json).output_bias && !read(json).mlp_bias);
  EXPECT_TRUE(read_with(tiny_llama_json(), "mlp_bias", true).mlp_bias);

  const Json qwen2 = tiny_json("Qwen2ForCausalLM", "qwen2");
  EXPECT_TRUE(read(qwen2).qkv_bias && !read(qwen2).output_bias && !read(qwen2).qk_norm);
  // transformers' Qwen2 does not look at attention_bias.
  EXPECT_TRUE(read_with(qwen2, "attention_bias", false).qkv_bias);

  const Json qwen3 = tiny_json("Qwen3ForCausalLM", "qwen3");
  EXPECT_TRUE(read(qwen3).qk_norm && !read(qwen3).qkv_bias);
  const ModelConfig biased = read_with(qwen3, "attention_bias", true);
  EXPECT_TRUE(biased.qkv_bias && biased.output_bias);

  const Json mistral = tiny_json("MistralForCausalLM", "mistral");
  EXPECT_THAT(refusal_with("attention_bias", true, mistral),
              names("\"attention_bias\" is true", "MistralForCausalLM"));
  EXPECT_THAT(refusal_with("mlp_bias", true, qwen3),
              names("\"mlp_bias\" is true", "Qwen3ForCausalLM"));
}

TEST(ModelConfigTest, head_dim_is_given_or_follows) {
  EXPECT_EQ(read_with(tiny_llama_json(), "head_dim", 32).query_size(), 128);
  EXPECT_EQ(read_with(tiny_llama_json(), "head_dim", nullptr).head_dim, 16);
  EXPECT_EQ(read(tiny_json("Qwen3ForCausalLM", "qwen3")).head_dim, 128);
  EXPECT_THAT(refusal_with("head_dim", 15), names("head dimension 15"));
  EXPECT_THAT(refusal_with("hidden_size", 66), names("\"hidden_size\" = 66"));
}

TEST(ModelConfigTest, sliding_window_is_mistrals) {
  const Json mistral = tiny_json("MistralForCausalLM", "mistral");
  EXPECT_EQ(read(mistral).sliding_window, 4096);  // the default of transformers' class
  EXPECT_EQ(read_with(mistral, "sliding_window", 16).sliding_window, 16);
  EXPECT_FALSE(read_with(mistral, "sliding_window", nullptr).sliding_window);
  EXPECT_THAT(refusal_with("sliding_window", 0, mistral), names("\"sliding_window\" is 0"));
  Json qwen2 = tiny_json("Qwen2ForCausalLM", "qwen2");
  qwen2["use_sliding_window"] = false;
  EXPECT_FALSE(read_with(qwen2, "sliding_window", 4096).sliding_window);
  EXPECT_THAT(refusal_with("use_sliding_window", true, qwen2),
              names("\"use_sliding_window\" is true"));
  EXPECT_THAT(refusal_with("layer_types", {"full_attention", "sliding_attention"}, qwen2),
              names("\"layer_types\"", "\"sliding_attention\""));
}

TEST(ModelConfigTest, both_spellings_of_rope_are_read) {
  const Json scaling = {{"factor", 8.0},
                        {"low_freq_factor", 1.0},
                        {"high_freq_factor", 4.0},
                        {"original_max_position_embeddings", 64}};
  Json old_json = tiny_llama_json(), new_json = tiny_llama_json();
  old_json["rope_theta"] = 500000.0;
  old_json["rope_scaling"] = scaling;
  old_json["rope_scaling"]["rope_type"] = "llama3";
  new_json["rope_parameters"] = scaling;
  new_json["rope_parameters"].update({{"rope_type", "llama3"}, {"rope_theta", 500000.0}});
  const RopeConfig rope = read(new_json).rope;
  EXPECT_EQ(read(old_json).rope, rope);
  EXPECT_EQ(rope.type, RopeType::kLlama3);
  EXPECT_EQ(rope.theta, 500000.0);
  EXPECT_EQ(rope.factor, 8.0);
  EXPECT_EQ(rope.original_max_position_embeddings, 64);

  const Json linear = {{"type", "linear"}, {"factor", 2.0}};
  EXPECT_EQ(read_with(tiny_llama_json(), "rope_scaling", linear).rope.type, RopeType::kLinear);
  EXPECT_EQ(read_with(tiny_llama_json(), "rope_scaling", linear).rope.factor, 2.0);
  EXPECT_EQ(read_with(tiny_llama_json(), "rope_scaling", nullptr).rope, RopeConfig());
  EXPECT_EQ(read_with(tiny_llama_json(), "rope_theta", 5).rope.theta, 5.0);
}

TEST(ModelConfigTest, other_ropes_are_refused_by_name) {
  for (const char* type : {"dynamic", "yarn", "longrope"}) {
    for (const char* key : {"type", "rope_type"}) {
      const Json scaling = {{key, type}, {"factor", 2.0}};
      EXPECT_THAT(refusal_with("rope_scaling", scaling),
                  names(fmt::format("rope_scaling: \"{}\" is \"{}\"", key, type), "llama3"));
      EXPECT_THAT(refusal_with("rope_parameters", scaling),
                  names(fmt::format("rope_parameters: \"{}\" is \"{}\"", key, type)));
    }
  }
  EXPECT_THAT(refusal_with("rope_scaling", {{"type", "linear"}, {"rope_type", "llama3"}}),
              names("rope_scaling: \"type\" is \"linear\"", "\"rope_type\" is \"llama3\""));
  EXPECT_THAT(refusal_with("rope_scaling", {{"type", "linear"}}),
              names("rope_scaling: \"factor\"", "missing"));
  EXPECT_THAT(refusal_with("rope_scaling", {{"type", "linear"}, {"factor", 0}}),
              names("rope_scaling: \"factor\" is 0"));
  EXPECT_THAT(refusal_with("rope_scaling", {{"rope_type", "llama3"}, {"factor", 8}}),
              names("rope_scaling: \"low_freq_factor\"", "missing"));
  EXPECT_THAT(refusal_with("rope_parameters", {{"full_attention", {{"rope_type", "default"}}}}),
              names("rope_parameters: \"full_attention\""));
  EXPECT_THAT(refusal_with("rope_parameters", {{"partial_rotary_factor", 0.5}}),
              names("rope_parameters: \"partial_rotary_factor\" is 0.5"));
  EXPECT_THAT(refusal_with("rope_scaling", "linear"), names("\"rope_scaling\" is \"linear\""));
}

TEST(ModelConfigTest, unsupported_models_are_refused_by_key_and_value) {
  EXPECT_THAT(refusal_with("architectures", {"MixtralForCausalLM"}),
              names("MixtralForCausalLM", "Qwen3ForCausalLM"));
  EXPECT_THAT(refusal_with("architectures", Json::array()),
              names("\"architectures\"", "list of one", "Qwen3ForCausalLM"));
  EXPECT_THAT(refusal_with("architectures", "LlamaForCausalLM"),
              names("\"architectures\"", "list of one", "Qwen3ForCausalLM"));
  EXPECT_THAT(refusal_with("model_type", "mistral"),
              names("\"model_type\" is \"mistral\"", "\"llama\""));
  EXPECT_THAT(refusal_with("hidden_act", "gelu"), names("\"hidden_act\" is \"gelu\"", "\"silu\""));
  EXPECT_THAT(refusal_with("quantization_config", {{"bits", 4}}),
              names("\"quantization_config\" is {\"bits\":4}"));
  EXPECT_THAT(refusal_with("num_local_experts", 8), names("\"num_local_experts\" is 8"));
  EXPECT_THAT(refusal_with("num_experts", 8), names("\"num_experts\" is 8"));
  EXPECT_THAT(refusal_with("partial_rotary_factor", 0.5),
              names("\"partial_rotary_factor\" is 0.5"));
  EXPECT_EQ(read_with(tiny_llama_json(), "quantization_config", nullptr).vocab_size, 256);
}

TEST(ModelConfigTest, nonsense_sizes_are_refused) {
  for (const char* key :
       {"vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers",
        "num_attention_heads", "num_key_value_heads", "max_position_embeddings"}) {
    for (const Json& value : {Json(0), Json(-1), Json(int64_t{1} << 62), Json(~uint64_t{0}),
                              Json(1.5), Json("64"), Json(true)}) {
      EXPECT_THAT(refusal_with(key, value), names(fmt::format("\"{}\" is {}", key, value.dump())));
    }
    Json json = tiny_llama_json();
    json.erase(key);
    if (std::string(key) != "num_key_value_heads") {
      EXPECT_THAT(refusal(json), names(fmt::format("\"{}\"", key), "missing"));
    }
  }
  EXPECT_THAT(refusal_with("num_key_value_heads", 3),
              names("\"num_key_value_heads\" is 3", "\"num_attention_heads\" = 4"));
  EXPECT_THAT(refusal_with("head_dim", 1 << 23), names("8388608", "16777216"));
  EXPECT_THAT(refusal_with("rms_norm_eps", 0.0), names("\"rms_norm_eps\" is 0.0"));
  EXPECT_THAT(refusal_with("rope_theta", -1.0), names("\"rope_theta\" is -1.0"));
  EXPECT_THAT(refusal_with("tie_word_embeddings", 1), names("\"tie_word_embeddings\" is 1"));
  EXPECT_THAT(refusal(Json::array()), names("a list of 0"));
}

TEST(ModelConfigTest, special_tokens_may_be_one_many_or_none) {
  EXPECT_THAT(read_with(tiny_llama_json(), "eos_token_id", {7, 8}).eos_token_ids,
              ElementsAre(7, 8));
  EXPECT_THAT(read_with(tiny_llama_json(), "eos_token_id", nullptr).eos_token_ids, ElementsAre());
  EXPECT_FALSE(read_with(tiny_llama_json(), "bos_token_id", nullptr).bos_token_id);
  EXPECT_THAT(read(tiny_json("Qwen2ForCausalLM", "qwen2")).eos_token_ids, ElementsAre());
  EXPECT_THAT(refusal_with("eos_token_id", "</s>"), names("\"eos_token_id\" is \"</s>\""));
  EXPECT_THAT(refusal_with("eos_token_id", {2, -1}), names("\"eos_token_id\" is [2,-1]"));
}

TEST(ModelConfigTest, is_read_from_a_directory) {
  const TemporaryDirectory directory;
  EXPECT_THAT(error_text<UserError>([&] { ModelConfig::from_directory(directory.path()); }),
              names("config.json", "No such file"));
  directory.write("config.json", tiny_llama_json().dump());
  EXPECT_EQ(ModelConfig::from_directory(directory.path()).hidden_size, 64);
}

TEST(RopeFrequenciesTest, default_ones_are_powers_of_theta) {
  const std::vector<double> frequencies = rope_inverse_frequencies(tiny_llama());
  ASSERT_EQ(frequencies.size(), 8u);
  EXPECT_EQ(frequencies[0], 1.0);
  EXPECT_NEAR(frequencies[4], 0.01, 1e-16);
  EXPECT_NEAR(frequencies[7], std::pow(10000.0, -14.0 / 16.0), 1e-18);
}

TEST(RopeFrequenciesTest, linear_scaling_divides_all) {
  ModelConfig config = tiny_llama();
  const std::vector<double> plain = rope_inverse_frequencies(config);
  config.rope.type = RopeType::kLinear;
  config.rope.factor = 4.0;
  const std::vector<double> scaled = rope_inverse_frequencies(config);
  for (size_t i = 0; i < plain.size(); ++i) EXPECT_EQ(scaled[i], plain[i] / 4.0);
}

// Meta's reference, restated: by wavelength against original / low and original / high.
TEST(RopeFrequenciesTest, llama3_scaling_is_the_references) {
  ModelConfig config = tiny_llama();
  config.head_dim = 128;
  config.rope.theta = 500000.0;
  const std::vector<double> plain = rope_inverse_frequencies(config);
  config.rope.type = RopeType::kLlama3;
  config.rope.factor = 8.0;
  const std::vector<double> scaled = rope_inverse_frequencies(config);
  int num_kept = 0, num_stretched = 0, num_blended = 0;
  for (size_t i = 0; i < plain.size(); ++i) {
    const double wavelength = 2 * std::numbers::pi / plain[i];
    if (wavelength < 8192.0 / 4.0) {
      EXPECT_EQ(scaled[i], plain[i]);
      ++num_kept;
    } else if (wavelength > 8192.0 / 1.0) {
      EXPECT_EQ(scaled[i], plain[i] / 8.0);
      ++num_stretched;
    } else {
      const double smooth = (8192.0 / wavelength - 1.0) / (4.0 - 1.0);
      EXPECT_NEAR(scaled[i] / ((1 - smooth) * plain[i] / 8.0 + smooth * plain[i]), 1.0, 1e-14);
      ++num_blended;
    }
  }
  EXPECT_GT(num_kept, 25);
  EXPECT_GT(num_stretched, 15);
  EXPECT_GT(num_blended, 3);
}

}  // namespace
}  // namespace temper
