// config.json files of small models, one per supported family.
#pragma once

#include <string>

#include "arch/model_config.h"

namespace temper {

inline Json tiny_llama_json() {
  return {{"architectures", {"LlamaForCausalLM"}},
          {"model_type", "llama"},
          {"vocab_size", 256},
          {"hidden_size", 64},
          {"intermediate_size", 176},
          {"num_hidden_layers", 2},
          {"num_attention_heads", 4},
          {"num_key_value_heads", 2},
          {"max_position_embeddings", 512},
          {"rms_norm_eps", 1e-5}};
}

inline Json tiny_json(const std::string& architecture, const std::string& model_type) {
  Json json = tiny_llama_json();
  json["architectures"] = {architecture};
  json["model_type"] = model_type;
  return json;
}

inline ModelConfig tiny_llama() {
  return ModelConfig::from_json(tiny_llama_json(), "config.json");
}

}  // namespace temper
