// Models and adapters as transformers and PEFT wrote them.
#include <gtest/gtest.h>

#include <set>

#include "arch/parameters.h"
#include "io/safetensors/safetensors_directory.h"

namespace temper {
namespace {

namespace fs = std::filesystem;

const fs::path kModels = fs::path(TEMPER_ACCEPTANCE_DIR) / "fixtures/models";

std::vector<fs::path> model_directories() {
  std::vector<fs::path> paths;
  for (const auto& entry : fs::directory_iterator(kModels)) {
    if (entry.is_directory()) paths.push_back(entry.path());
  }
  return paths;
}

void expect_exactly(const std::vector<ParameterInfo>& expected, const SafetensorsDirectory& files) {
  EXPECT_EQ(expected.size(), files.names().size());
  for (const ParameterInfo& parameter : expected) {
    ASSERT_TRUE(files.contains(parameter.name)) << parameter.name;
    EXPECT_EQ(files.info(parameter.name).shape, parameter.shape) << parameter.name;
  }
}

TEST(ArchAcceptanceTest, parameters_are_exactly_those_of_the_weight_files) {
  EXPECT_GE(model_directories().size(), 7u);
  for (const fs::path& path : model_directories()) {
    SCOPED_TRACE(path);
    expect_exactly(base_parameters(ModelConfig::from_directory(path)), SafetensorsDirectory(path));
  }
}

TEST(ArchAcceptanceTest, both_spellings_give_the_same_config) {
  for (const fs::path& path : model_directories()) {
    SCOPED_TRACE(path);
    const ModelConfig now = ModelConfig::from_directory(path);
    const ModelConfig before =
        ModelConfig::from_json(read_json_file(path / "config_transformers4.json"), "old");
    EXPECT_EQ(now.architecture, before.architecture);
    EXPECT_EQ(now.model_type, before.model_type);
    EXPECT_EQ(now.vocab_size, before.vocab_size);
    EXPECT_EQ(now.hidden_size, before.hidden_size);
    EXPECT_EQ(now.intermediate_size, before.intermediate_size);
    EXPECT_EQ(now.num_layers, before.num_layers);
    EXPECT_EQ(now.num_heads, before.num_heads);
    EXPECT_EQ(now.num_kv_heads, before.num_kv_heads);
    EXPECT_EQ(now.head_dim, before.head_dim);
    EXPECT_EQ(now.max_position_embeddings, before.max_position_embeddings);
    EXPECT_EQ(now.sliding_window, before.sliding_window);
    EXPECT_EQ(now.rms_norm_eps, before.rms_norm_eps);
    EXPECT_EQ(now.rope, before.rope);
    EXPECT_EQ(now.tie_word_embeddings, before.tie_word_embeddings);
    EXPECT_EQ(now.qkv_bias, before.qkv_bias);
    EXPECT_EQ(now.output_bias, before.output_bias);
    EXPECT_EQ(now.mlp_bias, before.mlp_bias);
    EXPECT_EQ(now.qk_norm, before.qk_norm);
    EXPECT_EQ(now.initializer_range, before.initializer_range);
    EXPECT_EQ(now.eos_token_ids, before.eos_token_ids);
    EXPECT_EQ(now.bos_token_id, before.bos_token_id);
  }
}

TEST(ArchAcceptanceTest, adapters_are_exactly_those_of_the_adapter_files) {
  int num_adapters = 0;
  for (const fs::path& path : model_directories()) {
    for (const auto& entry : fs::directory_iterator(path)) {
      if (!fs::exists(entry.path() / "adapter_config.json")) continue;
      SCOPED_TRACE(entry.path());
      const ModelConfig model = ModelConfig::from_directory(path);
      LoraConfig lora = LoraConfig::from_directory(entry.path());
      resolve_lora_targets(lora, model);
      expect_exactly(lora_parameters(model, lora),
                     SafetensorsDirectory(entry.path(), "adapter_model"));
      ++num_adapters;
    }
  }
  EXPECT_GE(num_adapters, 6);
}

}  // namespace
}  // namespace temper
