#include "arch/lora_config.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <string_view>

#include "common/error.h"

namespace temper {
namespace {

constexpr size_t kMaxConfigBytes = size_t{16} << 20;
constexpr int64_t kMaxRank = int64_t{1} << 16;
constexpr std::string_view kAllLinear = "all-linear";

// Keys that are read here or that describe how the adapter came to be. Any other key switches
// something on that changes the mathematics, unless its value is empty.
constexpr std::array<std::string_view, 22> kHarmlessKeys = {
    "alpha_pattern",       "auto_mapping", "base_model_name_or_path", "bias",
    "ensure_weight_tying", "eva_config",   "inference_mode",          "init_lora_weights",
    "lora_alpha",          "lora_dropout", "megatron_core",           "modules_to_save",
    "peft_type",           "peft_version", "qalora_group_size",       "r",
    "rank_pattern",        "revision",     "runtime_config",          "target_modules",
    "task_type",           "use_rslora"};

bool is_switched_off(const Json& value) {
  if (value.is_string()) return value.get_ref<const std::string&>().empty();
  if (value.is_structured()) return value.empty();
  return value.is_null() || value == false || value == 0;
}

std::string shown(const Json& value) {
  const std::string text = value.dump(-1, ' ', true);
  return text.size() <= 80 ? text : text.substr(0, 80) + "...";
}

[[noreturn]] void refuse(const JsonFields& fields, const std::string& key, const std::string& why) {
  throw UserError("{}: \"{}\" is {}, {}", fields.place(), key, shown(fields.json().at(key)), why);
}

// "q_proj", "self_attn.q_proj", "layers.0.self_attn.q_proj": names, not patterns.
bool is_module_name(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.';
  });
}

// The first key in sorted order that matches, as PEFT finds it in a file (it writes sorted keys).
template <typename Value>
Value pattern_value(const std::map<std::string, Value>& pattern, std::string_view module,
                    Value fallback) {
  for (const auto& [name, value] : pattern) {
    if (names_module(name, module)) return value;
  }
  return fallback;
}

void check_values(const JsonFields& fields) {
  if (fields.text_or("peft_type", "LORA") != "LORA") {
    refuse(fields, "peft_type", "only \"LORA\" is supported");
  }
  if (fields.text_or("task_type", "CAUSAL_LM") != "CAUSAL_LM") {
    refuse(fields, "task_type", "only \"CAUSAL_LM\" is supported");
  }
  if (fields.text_or("bias", "none") != "none") {
    refuse(fields, "bias", "only \"none\" is supported");
  }
  // Other initialisations (PiSSA, OLoRA, CorDA, ...) change the base weights as well.
  const auto init = fields.json().find("init_lora_weights");
  if (init != fields.json().end() && !init->is_null() && !init->is_boolean() &&
      *init != "gaussian" && *init != "eva" && *init != "orthogonal") {
    refuse(fields, "init_lora_weights", "which changes the base weights and is not supported");
  }
  for (const auto& [key, value] : fields.json().items()) {
    const bool is_harmless =
        std::find(kHarmlessKeys.begin(), kHarmlessKeys.end(), key) != kHarmlessKeys.end();
    if (!is_harmless && !is_switched_off(value)) refuse(fields, key, "which is not supported");
  }
}

// A list of names, or one.
std::vector<std::string> read_names(const JsonFields& fields, const std::string& key,
                                    std::string_view special) {
  const Json& value = fields.json().at(key);
  std::set<std::string> names;
  for (const Json& name : value.is_array() ? value : Json::array({value})) {
    if (!name.is_string()) refuse(fields, key, "expected names of modules");
    const auto text = name.get<std::string>();
    if ((special.empty() || text != special) && !is_module_name(text)) {
      refuse(fields, key,
             fmt::format("expected names of modules{} (patterns are not supported)",
                         special.empty() ? "" : fmt::format(" or \"{}\"", special)));
    }
    names.insert(text);
  }
  return {names.begin(), names.end()};
}

std::vector<std::string> read_target_modules(const JsonFields& fields) {
  constexpr const char* kKey = "target_modules";
  if (!fields.has(kKey)) {
    throw UserError("{}: \"target_modules\" is missing: it names the adapted modules",
                    fields.place());
  }
  std::vector<std::string> names = read_names(fields, kKey, kAllLinear);
  if (names.empty()) refuse(fields, kKey, "expected at least one module");
  return names;
}

int64_t rank_field(const JsonFields& fields, const std::string& key) {
  const int64_t rank = fields.integer(key);
  if (rank < 1 || rank > kMaxRank) refuse(fields, key, fmt::format("expected 1 to {}", kMaxRank));
  return rank;
}

double alpha_field(const JsonFields& fields, const std::string& key) {
  const double alpha = fields.number(key);
  if (!(alpha > 0.0) || !std::isfinite(alpha)) refuse(fields, key, "expected a positive number");
  return alpha;
}

// Members of a pattern object, each read by `read`.
template <typename Value, typename Read>
std::map<std::string, Value> read_pattern(const JsonFields& fields, const std::string& key,
                                          Read read) {
  std::map<std::string, Value> pattern;
  if (!fields.has(key)) return pattern;
  const JsonFields members = fields.object(key);
  for (const auto& [name, value] : members.json().items()) {
    if (!is_module_name(name)) {
      throw UserError("{}: \"{}\" is not the name of a module (patterns are not supported)",
                      members.place(), name);
    }
    pattern[name] = read(members, name);
  }
  return pattern;
}

// Integers stay integers, which is how PEFT writes lora_alpha.
Json number_json(double value) {
  if (value == std::floor(value) && std::fabs(value) < 1e15) return static_cast<int64_t>(value);
  return value;
}

}  // namespace

double LoraConfig::scale(const std::string& module) const {
  const auto module_rank = static_cast<double>(rank(module));
  const double module_alpha = pattern_value(alpha_pattern, module, alpha);
  return module_alpha / (use_rslora ? std::sqrt(module_rank) : module_rank);
}

void LoraConfig::scale_by(double factor) {
  alpha *= factor;
  for (auto& [module, its_alpha] : alpha_pattern) its_alpha *= factor;
}

int64_t LoraConfig::rank(const std::string& module) const {
  return pattern_value(rank_pattern, module, r);
}

bool LoraConfig::targets(const std::string& module) const {
  return std::any_of(target_modules.begin(), target_modules.end(),
                     [&](const std::string& name) { return names_module(name, module); });
}

bool LoraConfig::saves(const std::string& parameter) const {
  return std::any_of(modules_to_save.begin(), modules_to_save.end(), [&](const std::string& name) {
    return names_module(name + ".weight", parameter);
  });
}

LoraConfig LoraConfig::from_directory(const std::filesystem::path& directory) {
  const std::filesystem::path path = directory / "adapter_config.json";
  return from_json(read_json_file(path, kMaxConfigBytes), path.native());
}

LoraConfig LoraConfig::from_json(const Json& json, const std::string& place) {
  const JsonFields fields(json, place);
  check_values(fields);
  LoraConfig lora;
  lora.r = fields.has("r") ? rank_field(fields, "r") : 8;
  lora.alpha = fields.has("lora_alpha") ? alpha_field(fields, "lora_alpha") : 8.0;
  lora.dropout = fields.number_or("lora_dropout", 0.0);
  if (!(lora.dropout >= 0.0 && lora.dropout < 1.0)) {
    refuse(fields, "lora_dropout", "expected 0 or more and less than 1");
  }
  lora.use_rslora = fields.boolean_or("use_rslora", false);
  lora.target_modules = read_target_modules(fields);
  lora.rank_pattern = read_pattern<int64_t>(fields, "rank_pattern", rank_field);
  lora.alpha_pattern = read_pattern<double>(fields, "alpha_pattern", alpha_field);
  if (fields.has("modules_to_save")) {
    lora.modules_to_save = read_names(fields, "modules_to_save", "");
  }
  lora.ensure_weight_tying = fields.boolean_or("ensure_weight_tying", false);
  return lora;
}

Json LoraConfig::to_json(const std::string& base_model_name_or_path) const {
  Json alphas = Json::object();
  for (const auto& [name, value] : alpha_pattern) alphas[name] = number_json(value);
  Json json{{"alpha_pattern", alphas},
            {"base_model_name_or_path", base_model_name_or_path},
            {"bias", "none"},
            {"fan_in_fan_out", false},
            {"inference_mode", true},
            {"init_lora_weights", true},
            {"lora_alpha", number_json(alpha)},
            {"lora_dropout", dropout},
            {"modules_to_save", modules_to_save.empty() ? Json() : Json(modules_to_save)},
            {"peft_type", "LORA"},
            {"r", r},
            {"rank_pattern", Json(rank_pattern)},
            {"target_modules", target_modules},
            {"task_type", "CAUSAL_LM"},
            {"use_dora", false},
            {"use_rslora", use_rslora}};
  // It is written only where it says something: an older PEFT warns of keys that it does not know.
  if (ensure_weight_tying) json["ensure_weight_tying"] = true;
  return json;
}

bool names_module(std::string_view name, std::string_view module) {
  if (!module.ends_with(name)) return false;
  return module.size() == name.size() || module[module.size() - name.size() - 1] == '.';
}

}  // namespace temper
