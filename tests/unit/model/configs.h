// Small model shapes for tests: odd sizes, and every optional part of the family switched on or
// off.
#pragma once

#include <string>
#include <vector>

#include "arch/lora_config.h"
#include "arch/model_config.h"

namespace temper {

struct NamedConfig {
  std::string name;
  ModelConfig config;
};

inline void PrintTo(const NamedConfig& c, std::ostream* out) {
  *out << c.name;
}

inline ModelConfig small_config() {
  ModelConfig c;
  c.architecture = "LlamaForCausalLM";
  c.model_type = "llama";
  c.vocab_size = 61;
  c.hidden_size = 20;
  c.intermediate_size = 37;
  c.num_layers = 2;
  c.num_heads = 4;
  c.num_kv_heads = 2;
  c.head_dim = 6;
  c.max_position_embeddings = 256;
  c.rms_norm_eps = 1e-5;
  c.initializer_range = 0.3;
  return c;
}

inline std::vector<NamedConfig> small_configs() {
  std::vector<NamedConfig> list = {
      {"plain", small_config()},   {"tied", small_config()},
      {"biases", small_config()},  {"sliding", small_config()},
      {"qk_norm", small_config()}, {"one_head_per_key", small_config()}};
  list[1].config.tie_word_embeddings = true;
  list[2].config.qkv_bias = list[2].config.output_bias = list[2].config.mlp_bias = true;
  list[3].config.sliding_window = 5;
  list[4].config.qk_norm = true;
  list[4].config.tie_word_embeddings = true;
  list[5].config.num_kv_heads = 4;
  return list;
}

inline LoraConfig small_lora(std::vector<std::string> modules, double dropout = 0.0) {
  LoraConfig lora;
  lora.r = 3;
  lora.alpha = 7.0;
  lora.dropout = dropout;
  lora.target_modules = std::move(modules);
  return lora;
}

}  // namespace temper
