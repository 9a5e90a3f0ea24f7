#include "arch/parameters.h"

#include <algorithm>

#include "common/error.h"

namespace temper {
namespace {

constexpr const char* kEmbedding = "model.embed_tokens.weight";
constexpr const char* kHead = "lm_head.weight";

// A linear layer of a block: y = x W^T (+ b), W [out, in].
struct LinearModule {
  std::string path;  // "model.layers.0.self_attn.q_proj"
  int64_t in = 0, out = 0;
  bool has_bias = false;
};

std::string block_path(int64_t layer) {
  return fmt::format("model.layers.{}.", layer);
}

std::vector<LinearModule> block_linears(const ModelConfig& config, int64_t layer) {
  const std::string block = block_path(layer);
  const std::string attention = block + "self_attn.", mlp = block + "mlp.";
  const int64_t hidden = config.hidden_size, inner = config.intermediate_size;
  return {
      {attention + "q_proj", hidden, config.query_size(), config.qkv_bias},
      {attention + "k_proj", hidden, config.key_value_size(), config.qkv_bias},
      {attention + "v_proj", hidden, config.key_value_size(), config.qkv_bias},
      {attention + "o_proj", config.query_size(), hidden, config.output_bias},
      {mlp + "gate_proj", hidden, inner, config.mlp_bias},
      {mlp + "up_proj", hidden, inner, config.mlp_bias},
      {mlp + "down_proj", inner, hidden, config.mlp_bias},
  };
}

void append_block(const ModelConfig& config, int64_t layer, std::vector<ParameterInfo>& list) {
  const std::string block = block_path(layer);
  const int64_t stage = layer + 1;
  list.push_back({block + "input_layernorm.weight", {config.hidden_size}, stage});
  for (const LinearModule& linear : block_linears(config, layer)) {
    list.push_back({linear.path + ".weight", {linear.out, linear.in}, stage});
    if (linear.has_bias) list.push_back({linear.path + ".bias", {linear.out}, stage});
  }
  if (config.qk_norm) {
    list.push_back({block + "self_attn.q_norm.weight", {config.head_dim}, stage});
    list.push_back({block + "self_attn.k_norm.weight", {config.head_dim}, stage});
  }
  list.push_back({block + "post_attention_layernorm.weight", {config.hidden_size}, stage});
}

}  // namespace

int64_t ParameterInfo::num_elements() const {
  int64_t count = 1;
  for (const int64_t dim : shape) count *= dim;
  return count;
}

std::vector<ParameterInfo> base_parameters(const ModelConfig& config) {
  std::vector<ParameterInfo> list;
  list.push_back({kEmbedding, {config.vocab_size, config.hidden_size}, 0});
  for (int64_t layer = 0; layer < config.num_layers; ++layer) append_block(config, layer, list);
  const int64_t head = config.num_layers + 1;
  list.push_back({"model.norm.weight", {config.hidden_size}, head});
  if (!config.tie_word_embeddings) {
    list.push_back({kHead, {config.vocab_size, config.hidden_size}, head});
  }
  return list;
}

std::vector<ParameterInfo> lora_parameters(const ModelConfig& config, const LoraConfig& lora) {
  std::vector<ParameterInfo> list;
  for (int64_t layer = 0; layer < config.num_layers; ++layer) {
    for (const LinearModule& linear : block_linears(config, layer)) {
      if (!lora.targets(linear.path)) continue;
      const std::string name = kPeftPrefix + linear.path;
      const int64_t rank = lora.rank(linear.path), stage = layer + 1;
      list.push_back({name + ".lora_A.weight", {rank, linear.in}, stage});
      list.push_back({name + ".lora_B.weight", {linear.out, rank}, stage});
    }
  }
  return list;
}

std::vector<ParameterInfo> saved_parameters(const ModelConfig& config, const LoraConfig& lora) {
  std::vector<ParameterInfo> list = base_parameters(config);
  std::erase_if(list, [&](const ParameterInfo& p) { return !lora.saves(p.name); });
  return list;
}

std::vector<ParameterInfo> peft_parameters(const ModelConfig& config, const LoraConfig& lora) {
  std::vector<ParameterInfo> list = lora_parameters(config, lora);
  for (ParameterInfo& parameter : saved_parameters(config, lora)) {
    parameter.name = kPeftPrefix + parameter.name;
    list.push_back(std::move(parameter));
    if (!config.tie_word_embeddings) continue;
    list.push_back(list.back());
    list.back().name = std::string(kPeftPrefix) + kHead;
  }
  return list;
}

std::string parameter_of_peft_name(const ModelConfig& config, const std::string& name) {
  if (name.find(".lora_") != std::string::npos || !name.starts_with(kPeftPrefix)) return name;
  const std::string base = name.substr(std::string_view(kPeftPrefix).size());
  return config.tie_word_embeddings && base == kHead ? kEmbedding : base;
}

std::vector<std::string> linear_modules(const ModelConfig& config, int64_t layer) {
  TEMPER_CHECK(0 <= layer && layer < config.num_layers, "layer {}", layer);
  std::vector<std::string> paths;
  for (const LinearModule& linear : block_linears(config, layer)) paths.push_back(linear.path);
  return paths;
}

int64_t count_elements(const std::vector<ParameterInfo>& parameters) {
  int64_t count = 0;
  for (const ParameterInfo& parameter : parameters) count += parameter.num_elements();
  return count;
}

}  // namespace temper
