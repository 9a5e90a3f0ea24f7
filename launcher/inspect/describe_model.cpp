#include "launcher/inspect/describe_model.h"

#include <map>
#include <set>
#include <string>
#include <vector>

#include "arch/adapter_origin.h"
#include "arch/model_config.h"
#include "arch/parameters.h"
#include "common/error.h"
#include "io/safetensors/safetensors_directory.h"
#include "io/safetensors/tensor_info.h"
#include "text/chat/chat_template.h"
#include "text/tokenizer/files/tokenizer_files.h"
#include "text/tokenizer/special_tokens.h"
#include "text/tokenizer/tokenizer.h"

namespace temper {
namespace {

namespace fs = std::filesystem;

constexpr const char* kGroups[] = {"embedding", "attention", "mlp", "norms", "head"};

const char* group_of(const std::string& name) {
  const auto has = [&](const char* part) { return name.find(part) != std::string::npos; };
  if (has("norm.") || has("norm_") || has("layernorm")) return "norms";
  if (has("embed_tokens")) return "embedding";
  if (has("lm_head")) return "head";
  return has(".self_attn.") ? "attention" : "mlp";
}

// The empty groups too, where a model has them.
OrderedJson count_by_group(const std::vector<ParameterInfo>& parameters, bool with_empty) {
  std::map<std::string, int64_t> counts;
  for (const ParameterInfo& p : parameters) counts[group_of(p.name)] += p.num_elements();
  OrderedJson groups = OrderedJson::object();
  for (const char* group : kGroups) {
    if (with_empty || counts[group] > 0) groups[group] = counts[group];
  }
  groups["total"] = count_elements(parameters);
  return groups;
}

struct StoredWeights {
  std::set<std::string> dtypes;
  std::set<fs::path> files;
  uint64_t num_bytes = 0;
};

// Every parameter must be there in its shape.
StoredWeights check_weights(const SafetensorsDirectory& weights,
                            const std::vector<ParameterInfo>& parameters,
                            const char* configuration) {
  StoredWeights stored;
  for (const ParameterInfo& parameter : parameters) {
    const TensorInfo& info = weights.info(parameter.name);
    const fs::path& file = weights.file_of(parameter.name).path();
    if (info.shape != parameter.shape) {
      throw UserError("{}: the shape of {} is {}, but {} makes it {}", file.string(),
                      parameter.name, shape_text(info.shape), configuration,
                      shape_text(parameter.shape));
    }
    stored.dtypes.insert(dtype_name(info.dtype));
    stored.files.insert(file);
    stored.num_bytes += info.num_bytes();
  }
  return stored;
}

void add_stored(const StoredWeights& stored, OrderedJson& report) {
  report["dtypes"] = stored.dtypes;
  report["weight_files"] = stored.files.size();
  report["weight_bytes"] = stored.num_bytes;
}

OrderedJson describe_tokenizer(const fs::path& directory, int64_t vocab_size) {
  if (!find_tokenizer_file(directory)) return nullptr;
  const Tokenizer tokenizer = Tokenizer::from_file(directory);
  const SpecialTokens special = find_special_tokens(tokenizer, directory);
  OrderedJson report = {{"vocab_size", tokenizer.vocab_size()},
                        {"bos", special.bos},
                        {"eos", special.eos},
                        {"hash", tokenizer.hash().hex()}};
  if (tokenizer.vocab_size() > vocab_size) {
    report["problem"] = fmt::format("more tokens than the embedding has rows, {}", vocab_size);
  }
  return report;
}

OrderedJson describe_template(const fs::path& directory) {
  try {
    const auto chat_template = ChatTemplate::of_model(directory);
    if (!chat_template) return nullptr;
    return {{"source_bytes", chat_template->source().size()},
            {"marks_generation", chat_template->marks_generation()}};
  } catch (const UserError& error) {
    return {{"problem", error.what()}};
  }
}

OrderedJson describe_rope(const RopeConfig& rope) {
  static const std::map<RopeType, const char*> kNames = {{RopeType::kDefault, "default"},
                                                         {RopeType::kLinear, "linear"},
                                                         {RopeType::kLlama3, "llama3"}};
  OrderedJson report = {{"type", kNames.at(rope.type)}, {"theta", rope.theta}};
  if (rope.type != RopeType::kDefault) report["factor"] = rope.factor;
  return report;
}

double percent(int64_t part, int64_t whole) {
  return 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

// What an adapter is beside the model that it is for.
OrderedJson compare_with_base(const ModelConfig& model, const LoraConfig& lora) {
  const int64_t base = count_elements(base_parameters(model));
  const auto adapters = lora_parameters(model, lora), saved = saved_parameters(model, lora);
  const int64_t trained = count_elements(adapters) + count_elements(saved);
  return {{"trainable_parameters", trained},
          {"adapter_parameters", count_elements(adapters)},
          {"parameters_trained_in_full", count_elements(saved)},
          {"percent_of_base", percent(trained, base)}};
}

// Nothing when the base is not there, or is another one by now.
std::optional<ModelConfig> base_of(const fs::path& base) {
  std::error_code ignored;
  if (base.empty() || !fs::exists(base / "config.json", ignored)) return std::nullopt;
  return ModelConfig::from_directory(base);
}

}  // namespace

OrderedJson describe_model(const fs::path& directory) {
  const ModelConfig config = ModelConfig::from_directory(directory);
  const std::vector<ParameterInfo> parameters = base_parameters(config);
  OrderedJson report = {{"kind", "model"},
                        {"path", directory.string()},
                        {"architecture", config.architecture},
                        {"parameters", count_elements(parameters)},
                        {"parameters_by_group", count_by_group(parameters, true)},
                        {"vocab_size", config.vocab_size},
                        {"hidden_size", config.hidden_size},
                        {"intermediate_size", config.intermediate_size},
                        {"layers", config.num_layers},
                        {"heads", config.num_heads},
                        {"kv_heads", config.num_kv_heads},
                        {"head_dim", config.head_dim},
                        {"max_position_embeddings", config.max_position_embeddings},
                        {"sliding_window", nullptr},
                        {"rope", describe_rope(config.rope)},
                        {"tied_embeddings", config.tie_word_embeddings}};
  if (config.sliding_window) report["sliding_window"] = *config.sliding_window;
  add_stored(check_weights(SafetensorsDirectory(directory), parameters, "config.json"), report);
  report["tokenizer"] = describe_tokenizer(directory, config.vocab_size);
  report["chat_template"] = describe_template(directory);
  return report;
}

OrderedJson describe_adapter(const fs::path& directory) {
  LoraConfig lora = LoraConfig::from_directory(directory);
  const fs::path config_path = directory / "adapter_config.json";
  const fs::path base = JsonFields(read_json_file(config_path), config_path.string())
                            .text_or("base_model_name_or_path", "");
  const std::optional<ModelConfig> model = base_of(base);
  if (model) resolve_lora_targets(lora, *model);
  OrderedJson report = {{"kind", "adapter"},
                        {"path", directory.string()},
                        {"base_model", base.string()},
                        {"base_is_there", model.has_value()},
                        {"base_hash", nullptr},
                        {"r", lora.r},
                        {"alpha", lora.alpha},
                        {"dropout", lora.dropout},
                        {"use_rslora", lora.use_rslora},
                        {"target_modules", lora.target_modules},
                        {"modules_to_save", lora.modules_to_save},
                        {"rank_pattern", OrderedJson(lora.rank_pattern)},
                        {"alpha_pattern", OrderedJson(lora.alpha_pattern)}};
  const std::string hash = recorded_base_hash(directory);
  if (!hash.empty()) report["base_hash"] = hash;

  const SafetensorsDirectory weights(directory, "adapter_model");
  std::vector<ParameterInfo> stored;
  for (const std::string& name : weights.names())
    stored.push_back({name, weights.info(name).shape});
  const std::vector<ParameterInfo> expected = model ? peft_parameters(*model, lora) : stored;
  if (expected.size() != stored.size()) {
    throw UserError("{}: it holds {} tensors, but its configuration calls for {}",
                    directory.string(), stored.size(), expected.size());
  }
  report["tensors"] = stored.size();
  report["parameters"] = count_elements(stored);
  report["parameters_by_group"] = count_by_group(stored, false);
  add_stored(check_weights(weights, expected, "adapter_config.json with the base's config.json"),
             report);
  if (model) report["beside_its_base"] = compare_with_base(*model, lora);
  report["chat_template"] = describe_template(directory);
  return report;
}

OrderedJson describe_lora_setting(const fs::path& directory, LoraConfig lora) {
  const ModelConfig model = ModelConfig::from_directory(directory);
  resolve_lora_targets(lora, model);
  OrderedJson report = {{"r", lora.r},
                        {"target_modules", lora.target_modules},
                        {"modules_to_save", lora.modules_to_save},
                        {"tensors", peft_parameters(model, lora).size()}};
  report.update(compare_with_base(model, lora));
  report["parameters_by_group"] = count_by_group(peft_parameters(model, lora), false);
  return report;
}

}  // namespace temper
