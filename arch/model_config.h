// The shape of a Llama-family decoder, read from a Hugging Face `config.json` (the spellings of
// transformers 4 and 5). Arithmetic only: no tensors.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "io/json.h"

namespace temper {

enum class RopeType { kDefault, kLinear, kLlama3 };

struct RopeConfig {
  RopeType type = RopeType::kDefault;
  double theta = 10000.0;
  double factor = 1.0;                              // linear, llama3
  double low_freq_factor = 1.0;                     // llama3
  double high_freq_factor = 4.0;                    // llama3
  int64_t original_max_position_embeddings = 8192;  // llama3

  bool operator==(const RopeConfig&) const = default;
};

struct ModelConfig {
  std::string architecture;  // "LlamaForCausalLM", "MistralForCausalLM", ...
  std::string model_type;    // "llama", "mistral", ...
  int64_t vocab_size = 0;
  int64_t hidden_size = 0;
  int64_t intermediate_size = 0;
  int64_t num_layers = 0;
  int64_t num_heads = 0;
  int64_t num_kv_heads = 0;
  int64_t head_dim = 0;
  int64_t max_position_embeddings = 0;
  std::optional<int64_t> sliding_window;  // Mistral: keys further back than this are not seen
  double rms_norm_eps = 1e-6;
  RopeConfig rope;
  bool tie_word_embeddings = false;
  bool qkv_bias = false;     // Qwen2, or attention_bias
  bool output_bias = false;  // attention_bias: the bias of o_proj
  bool mlp_bias = false;
  bool qk_norm = false;  // Qwen3
  double initializer_range = 0.02;
  std::vector<int64_t> eos_token_ids;
  std::optional<int64_t> bos_token_id;
  Json json;  // the file as it was, for export

  // Reads DIR/config.json. Anything unsupported (other architectures, rope types, activations,
  // quantised weights, mixture of experts) is a UserError naming the key and its value.
  static ModelConfig from_directory(const std::filesystem::path& directory);
  static ModelConfig from_json(const Json& json, const std::string& place);

  int64_t query_size() const { return num_heads * head_dim; }
  int64_t key_value_size() const { return num_kv_heads * head_dim; }
};

// cos/sin arguments: inverse frequencies of the rotary embedding, [head_dim / 2], with the config's
// scaling applied (Llama 3: https://arxiv.org/abs/2407.21783, section 3.4.2 and Meta's reference).
std::vector<double> rope_inverse_frequencies(const ModelConfig& config);

}  // namespace temper
