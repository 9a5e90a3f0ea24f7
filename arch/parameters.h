// The parameter table: every parameter of a model by its Hugging Face name, with its shape and the
// stage it belongs to. The one place that knows the names.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "arch/lora_config.h"
#include "arch/model_config.h"

namespace temper {

struct ParameterInfo {
  std::string name;            // "model.layers.0.self_attn.q_proj.weight"
  std::vector<int64_t> shape;  // as stored: linear weights are [out, in]
  int64_t stage = 0;           // 0 embedding, 1..num_layers blocks, num_layers + 1 head

  int64_t num_elements() const;
};

// In stage order. With tied embeddings there is no "lm_head.weight".
std::vector<ParameterInfo> base_parameters(const ModelConfig& config);

// Adapter tensors in stage order, with PEFT names
// ("base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight", [r, in] and lora_B [out, r]).
std::vector<ParameterInfo> lora_parameters(const ModelConfig& config, const LoraConfig& lora);

// The base parameters that train in full beside the adapters: modules_to_save, by their Hugging
// Face names.
std::vector<ParameterInfo> saved_parameters(const ModelConfig& config, const LoraConfig& lora);

// Everything that the files of an adapter hold, by PEFT's names: the adapter tensors, then
// modules_to_save ("base_model.model.lm_head.weight"; a tied matrix under both its names).
std::vector<ParameterInfo> peft_parameters(const ModelConfig& config, const LoraConfig& lora);
// The parameter that a tensor of peft_parameters is: itself for an adapter's, else the base's.
std::string parameter_of_peft_name(const ModelConfig& config, const std::string& name);

inline constexpr const char* kPeftPrefix = "base_model.model.";

// The linear modules of block `layer` with their base weight's name: "model.layers.L.mlp.up_proj".
std::vector<std::string> linear_modules(const ModelConfig& config, int64_t layer);

int64_t count_elements(const std::vector<ParameterInfo>& parameters);

}  // namespace temper
