// config.json files of small models, one per supported family.
#pragma once

#include <string>

#include "arch/model_config.h"
#include "tests/fixtures/llama_json.h"

namespace temper {

inline Json tiny_llama_json() {
  return with(llama_json(256, 64, 176), {{"max_position_embeddings", 512}});
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
