#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <vector>

#include "arch/lora_config.h"
#include "arch/parameters.h"
#include "common/error.h"
#include "common/spelling.h"

namespace temper {
namespace {

constexpr const char* kAllLinear = "all-linear";
constexpr std::array<const char*, 2> kSavedModules = {"model.embed_tokens", "lm_head"};

std::string leaf_of(const std::string& module) {
  return module.substr(module.rfind('.') + 1);
}

template <typename Names>
bool names_any(const std::string& name, const Names& modules) {
  return std::any_of(modules.begin(), modules.end(),
                     [&](const auto& module) { return names_module(name, module); });
}

// The model's linear modules by their paths, and by their last names.
struct LinearModules {
  explicit LinearModules(const ModelConfig& model) {
    for (int64_t layer = 0; layer < model.num_layers; ++layer) {
      for (std::string& module : linear_modules(model, layer)) {
        leaves.insert(leaf_of(module));
        paths.push_back(std::move(module));
      }
    }
  }

  std::string described() const {
    return fmt::format("{} (or all-linear)", fmt::join(leaves, ", "));
  }

  std::vector<std::string> paths;
  std::set<std::string> leaves;
};

std::vector<std::string> resolve_targets(const LoraConfig& lora, const LinearModules& modules) {
  std::set<std::string> names;
  for (const std::string& name : lora.target_modules) {
    if (name == kAllLinear) {
      names.insert(modules.leaves.begin(), modules.leaves.end());
    } else if (names_any(name, modules.paths)) {
      names.insert(name);
    } else {
      const std::vector<std::string> known(modules.leaves.begin(), modules.leaves.end());
      throw UserError("LoRA target module \"{}\" is not in the model{}; it has {}{}", name,
                      suggestion(leaf_of(name), known), modules.described(),
                      names_any(name, kSavedModules)
                          ? "; lora_modules_to_save trains the embedding or the head in full"
                          : "");
    }
  }
  if (names.empty()) {
    throw UserError("no LoRA target modules are named; the model has {}", modules.described());
  }
  return {names.begin(), names.end()};
}

std::vector<std::string> resolve_saved(const LoraConfig& lora, const ModelConfig& model) {
  std::set<std::string> leaves;
  for (const std::string& name : lora.modules_to_save) {
    if (!names_any(name, kSavedModules)) {
      throw UserError(
          "module to save \"{}\" is none that trains in full beside an adapter{}: "
          "embed_tokens and lm_head do",
          name, suggestion(leaf_of(name), {"embed_tokens", "lm_head"}));
    }
    leaves.insert(leaf_of(name));
  }
  if (leaves.empty() || !model.tie_word_embeddings) return {leaves.begin(), leaves.end()};
  if (leaves.size() == 1 && !lora.ensure_weight_tying) {
    throw UserError(
        "modules to save name {} alone, but this model's embed_tokens and lm_head are "
        "one tied matrix (tie_word_embeddings): name both, and it trains as one",
        *leaves.begin());
  }
  return {"embed_tokens", "lm_head"};
}

template <typename Value>
void check_pattern(const std::map<std::string, Value>& pattern, const char* what,
                   const std::vector<std::string>& targeted) {
  for (const auto& entry : pattern) {
    if (!names_any(entry.first, targeted)) {
      throw UserError("{}: \"{}\" matches no adapted module", what, entry.first);
    }
  }
}

}  // namespace

void resolve_lora_targets(LoraConfig& lora, const ModelConfig& model) {
  const LinearModules modules(model);
  lora.target_modules = resolve_targets(lora, modules);
  lora.modules_to_save = resolve_saved(lora, model);
  lora.ensure_weight_tying = model.tie_word_embeddings && !lora.modules_to_save.empty();
  std::vector<std::string> targeted;
  std::copy_if(modules.paths.begin(), modules.paths.end(), std::back_inserter(targeted),
               [&](const std::string& module) { return lora.targets(module); });
  check_pattern(lora.rank_pattern, "rank_pattern", targeted);
  check_pattern(lora.alpha_pattern, "alpha_pattern", targeted);
}

}  // namespace temper
