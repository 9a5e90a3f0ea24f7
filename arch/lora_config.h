// Low-rank adaptation (Hu et al., https://arxiv.org/abs/2106.09685): which linear layers get an
// adapter, and of what rank. The names and files are PEFT's.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "arch/model_config.h"

namespace temper {

struct LoraConfig {
  int64_t r = 16;
  double alpha = 32.0;
  double dropout = 0.0;
  bool use_rslora = false;
  // Names of linear modules ("q_proj", ...), sorted; never empty after resolve_lora_targets.
  std::vector<std::string> target_modules;
  // PEFT's rank_pattern / alpha_pattern: by module name or suffix ("layers.0.self_attn.q_proj").
  std::map<std::string, int64_t> rank_pattern;
  std::map<std::string, double> alpha_pattern;
  // Trained in full beside the adapters: of "embed_tokens" and "lm_head", sorted. With tied
  // embeddings both or none: the one matrix trains.
  std::vector<std::string> modules_to_save;
  bool ensure_weight_tying = false;  // PEFT's word for a tied matrix that stays one

  // alpha / r, or alpha / sqrt(r) with use_rslora, after the patterns. `module` is the full Hugging
  // Face path, e.g. "model.layers.0.self_attn.q_proj".
  double scale(const std::string& module) const;
  int64_t rank(const std::string& module) const;
  // Every adapter counts `factor` times as much: 0 is the base, 1 what was trained.
  void scale_by(double factor);
  bool targets(const std::string& module) const;
  // Whether a base parameter ("lm_head.weight") is one of modules_to_save.
  bool saves(const std::string& parameter) const;

  // Reads DIR/adapter_config.json. What this project does not do (DoRA, biases,
  // layers_to_transform, ...) is a UserError naming the key and value.
  static LoraConfig from_directory(const std::filesystem::path& directory);
  static LoraConfig from_json(const Json& json, const std::string& place);
  // adapter_config.json as PEFT reads it.
  Json to_json(const std::string& base_model_name_or_path) const;
};

// PEFT's rule for a module and a name: the whole path, or its end from a dot on.
bool names_module(std::string_view name, std::string_view module);

// Expands "all-linear" and checks every name against the model: one that matches no module is a
// UserError that names the nearest and all that exist. So is a modules_to_save that would untie a
// tied matrix.
void resolve_lora_targets(LoraConfig& lora, const ModelConfig& model);

}  // namespace temper
