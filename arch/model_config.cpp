#include "arch/model_config.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <initializer_list>
#include <numbers>
#include <string_view>

#include "common/error.h"

namespace temper {
namespace {

constexpr size_t kMaxConfigBytes = size_t{16} << 20;
// Far beyond any real model; their products stay far below 2^63.
constexpr int64_t kMaxDim = int64_t{1} << 24;
constexpr int64_t kMaxLayers = 10'000;
constexpr int64_t kMaxPositions = int64_t{1} << 40;

// The properties that distinguish the families, with the defaults that transformers' classes have.
struct Family {
  std::string_view architecture;
  std::string_view model_type;
  bool qkv_bias_always = false;
  bool reads_attention_bias = false;
  bool reads_mlp_bias = false;
  bool qk_norm = false;
  bool reads_sliding_window = false;
  bool kv_heads_default_to_heads = false;
  int64_t default_head_dim = 0;  // 0: hidden_size / num_attention_heads
  std::optional<int64_t> default_bos = std::nullopt, default_eos = std::nullopt;
};

const std::array<Family, 4> kFamilies = {{
    {.architecture = "LlamaForCausalLM",
     .model_type = "llama",
     .reads_attention_bias = true,
     .reads_mlp_bias = true,
     .kv_heads_default_to_heads = true,
     .default_bos = 1,
     .default_eos = 2},
    {.architecture = "MistralForCausalLM",
     .model_type = "mistral",
     .reads_sliding_window = true,
     .default_bos = 1,
     .default_eos = 2},
    {.architecture = "Qwen2ForCausalLM", .model_type = "qwen2", .qkv_bias_always = true},
    {.architecture = "Qwen3ForCausalLM",
     .model_type = "qwen3",
     .reads_attention_bias = true,
     .qk_norm = true,
     .default_head_dim = 128},
}};

[[noreturn]] void refuse(const JsonFields& fields, const std::string& key, const std::string& why) {
  std::string value = fields.json().at(key).dump(-1, ' ', true);
  if (value.size() > 80) value = value.substr(0, 80) + "...";
  throw UserError("{}: \"{}\" is {}, {}", fields.place(), key, value, why);
}

std::string family_list() {
  std::string list;
  for (const Family& family : kFamilies) {
    list += (list.empty() ? "" : ", ") + std::string(family.architecture);
  }
  return list;
}

const Family& find_family(const JsonFields& fields) {
  const Json& json = fields.json();
  const auto names = json.find("architectures");
  if (names == json.end() || !names->is_array() || names->size() != 1 || !(*names)[0].is_string()) {
    throw UserError("{}: \"architectures\" must be a list of one name; supported are {}",
                    fields.place(), family_list());
  }
  const auto name = (*names)[0].get<std::string>();
  const auto family =
      std::find_if(kFamilies.begin(), kFamilies.end(),
                   [&](const Family& candidate) { return candidate.architecture == name; });
  if (family == kFamilies.end()) {
    refuse(fields, "architectures", "which is not supported (supported: " + family_list() + ")");
  }
  if (fields.text("model_type") != family->model_type) {
    refuse(fields, "model_type", fmt::format("expected \"{}\" for {}", family->model_type, name));
  }
  return *family;
}

int64_t size_field(const JsonFields& fields, const std::string& key, int64_t maximum = kMaxDim) {
  const int64_t value = fields.integer(key);
  if (value < 1 || value > maximum) {
    refuse(fields, key, fmt::format("expected 1 to {}", maximum));
  }
  return value;
}

double positive_number(const JsonFields& fields, const std::string& key) {
  const double value = fields.number(key);
  if (!(value > 0.0) || !std::isfinite(value)) refuse(fields, key, "expected a positive number");
  return value;
}

void refuse_unsupported(const JsonFields& fields, const Family& family) {
  const std::string activation = fields.text_or("hidden_act", "silu");
  if (activation != "silu" && activation != "swish") {
    refuse(fields, "hidden_act", "only \"silu\" is supported");
  }
  if (fields.has("quantization_config")) {
    refuse(fields, "quantization_config",
           "quantised weights are not supported; use the original ones");
  }
  for (const char* key : {"num_local_experts", "num_experts", "n_routed_experts"}) {
    if (fields.has(key)) refuse(fields, key, "mixtures of experts are not supported");
  }
  if (fields.number_or("partial_rotary_factor", 1.0) != 1.0) {
    refuse(fields, "partial_rotary_factor", "only 1 is supported");
  }
  if (fields.boolean_or("use_sliding_window", false)) {
    refuse(fields, "use_sliding_window", "only false is supported");
  }
  // Qwen2 ignores attention_bias (its q, k and v always have one), as transformers does.
  if (!family.reads_attention_bias && !family.qkv_bias_always &&
      fields.boolean_or("attention_bias", false)) {
    refuse(fields, "attention_bias", fmt::format("{} has no such bias", family.architecture));
  }
  if (!family.reads_mlp_bias && fields.boolean_or("mlp_bias", false)) {
    refuse(fields, "mlp_bias", fmt::format("{} has no such bias", family.architecture));
  }
  if (fields.has("layer_types") && !family.reads_sliding_window) {
    for (const Json& type : fields.json().at("layer_types")) {
      if (type != "full_attention") {
        refuse(fields, "layer_types", "only \"full_attention\" is supported");
      }
    }
  }
}

RopeType rope_type(const JsonFields& fields) {
  std::string key = "rope_type";
  if (!fields.has(key)) key = "type";
  const std::string name = fields.text_or(key, "default");
  if (fields.text_or("type", name) != name) {
    refuse(fields, "type", fmt::format("but \"rope_type\" is \"{}\"", name));
  }
  if (name == "default") return RopeType::kDefault;
  if (name == "linear") return RopeType::kLinear;
  if (name == "llama3") return RopeType::kLlama3;
  refuse(fields, key, "supported are default, linear and llama3");
}

void read_rope_scaling(const JsonFields& fields, RopeConfig& rope) {
  rope.type = rope_type(fields);
  if (fields.number_or("partial_rotary_factor", 1.0) != 1.0) {
    refuse(fields, "partial_rotary_factor", "only 1 is supported");
  }
  if (rope.type == RopeType::kDefault) return;
  rope.factor = positive_number(fields, "factor");
  if (rope.type == RopeType::kLinear) return;
  rope.low_freq_factor = positive_number(fields, "low_freq_factor");
  rope.high_freq_factor = positive_number(fields, "high_freq_factor");
  if (rope.high_freq_factor <= rope.low_freq_factor) {
    refuse(fields, "high_freq_factor", "expected more than \"low_freq_factor\"");
  }
  rope.original_max_position_embeddings =
      size_field(fields, "original_max_position_embeddings", kMaxPositions);
}

// transformers 5 has "rope_parameters" with everything in it; 4 has "rope_theta" and
// "rope_scaling".
RopeConfig read_rope(const JsonFields& fields) {
  RopeConfig rope;
  if (fields.has("rope_theta")) rope.theta = positive_number(fields, "rope_theta");
  if (fields.has("rope_parameters")) {
    const JsonFields parameters = fields.object("rope_parameters");
    if (parameters.has("rope_theta")) rope.theta = positive_number(parameters, "rope_theta");
    for (const auto& [key, value] : parameters.json().items()) {
      if (value.is_object()) refuse(parameters, key, "one rope per layer type is not supported");
    }
    read_rope_scaling(parameters, rope);
  } else if (fields.has("rope_scaling")) {
    read_rope_scaling(fields.object("rope_scaling"), rope);
  }
  return rope;
}

void read_heads(const JsonFields& fields, const Family& family, ModelConfig& config) {
  config.num_heads = size_field(fields, "num_attention_heads");
  const bool takes_default = family.kv_heads_default_to_heads && !fields.has("num_key_value_heads");
  config.num_kv_heads =
      takes_default ? config.num_heads : size_field(fields, "num_key_value_heads");
  if (config.num_heads % config.num_kv_heads != 0) {
    refuse(fields, "num_key_value_heads",
           fmt::format("which does not divide \"num_attention_heads\" = {}", config.num_heads));
  }
  if (fields.has("head_dim")) {
    config.head_dim = size_field(fields, "head_dim");
  } else if (family.default_head_dim != 0) {
    config.head_dim = family.default_head_dim;
  } else if (config.hidden_size % config.num_heads == 0) {
    config.head_dim = config.hidden_size / config.num_heads;
  } else {
    refuse(fields, "num_attention_heads",
           fmt::format("which does not divide \"hidden_size\" = {}", config.hidden_size));
  }
  if (config.head_dim % 2 != 0) {
    throw UserError("{}: the head dimension {} is odd, which rotary embeddings do not allow",
                    fields.place(), config.head_dim);
  }
  if (config.query_size() > kMaxDim) {
    refuse(fields, "num_attention_heads",
           fmt::format("times the head dimension {} exceeds {}", config.head_dim, kMaxDim));
  }
}

std::vector<int64_t> token_ids(const JsonFields& fields, const std::string& key,
                               std::optional<int64_t> fallback) {
  const auto found = fields.json().find(key);
  if (found == fields.json().end()) {
    return fallback ? std::vector<int64_t>{*fallback} : std::vector<int64_t>{};
  }
  if (found->is_null()) return {};
  std::vector<int64_t> ids;
  for (const Json& id : found->is_array() ? *found : Json::array({*found})) {
    if (!id.is_number_integer() || id < 0 || id >= kMaxDim) {
      refuse(fields, key, "expected a token id or a list of them");
    }
    ids.push_back(id.get<int64_t>());
  }
  return ids;
}

void read_special_tokens(const JsonFields& fields, const Family& family, ModelConfig& config) {
  config.eos_token_ids = token_ids(fields, "eos_token_id", family.default_eos);
  const auto bos = token_ids(fields, "bos_token_id", family.default_bos);
  if (!bos.empty()) config.bos_token_id = bos.front();
}

// MistralConfig's own default; files of models without a window say null.
constexpr int64_t kMistralDefaultWindow = 4096;

std::optional<int64_t> read_sliding_window(const JsonFields& fields, const Family& family) {
  if (!family.reads_sliding_window) return std::nullopt;
  if (fields.json().count("sliding_window") == 0) return kMistralDefaultWindow;
  if (!fields.has("sliding_window")) return std::nullopt;
  return size_field(fields, "sliding_window", kMaxPositions);
}

}  // namespace

ModelConfig ModelConfig::from_directory(const std::filesystem::path& directory) {
  const std::filesystem::path path = directory / "config.json";
  return from_json(read_json_file(path, kMaxConfigBytes), path.native());
}

ModelConfig ModelConfig::from_json(const Json& json, const std::string& place) {
  const JsonFields fields(json, place);
  const Family& family = find_family(fields);
  refuse_unsupported(fields, family);
  ModelConfig config;
  config.architecture = family.architecture;
  config.model_type = family.model_type;
  config.vocab_size = size_field(fields, "vocab_size");
  config.hidden_size = size_field(fields, "hidden_size");
  config.intermediate_size = size_field(fields, "intermediate_size");
  config.num_layers = size_field(fields, "num_hidden_layers", kMaxLayers);
  config.max_position_embeddings = size_field(fields, "max_position_embeddings", kMaxPositions);
  read_heads(fields, family, config);
  config.sliding_window = read_sliding_window(fields, family);
  if (fields.has("rms_norm_eps")) config.rms_norm_eps = positive_number(fields, "rms_norm_eps");
  config.rope = read_rope(fields);
  config.tie_word_embeddings = fields.boolean_or("tie_word_embeddings", false);
  const bool attention_bias =
      family.reads_attention_bias && fields.boolean_or("attention_bias", false);
  config.qkv_bias = family.qkv_bias_always || attention_bias;
  config.output_bias = attention_bias;
  config.mlp_bias = family.reads_mlp_bias && fields.boolean_or("mlp_bias", false);
  config.qk_norm = family.qk_norm;
  if (fields.has("initializer_range")) {
    config.initializer_range = positive_number(fields, "initializer_range");
  }
  read_special_tokens(fields, family, config);
  config.json = json;
  return config;
}

std::vector<double> rope_inverse_frequencies(const ModelConfig& config) {
  const RopeConfig& rope = config.rope;
  const auto original = static_cast<double>(rope.original_max_position_embeddings);
  std::vector<double> frequencies(static_cast<size_t>(config.head_dim / 2));
  for (size_t i = 0; i < frequencies.size(); ++i) {
    const double exponent = 2.0 * static_cast<double>(i) / static_cast<double>(config.head_dim);
    double frequency = std::pow(rope.theta, -exponent);
    if (rope.type == RopeType::kLinear) {
      frequency /= rope.factor;
    } else if (rope.type == RopeType::kLlama3) {
      // Long wavelengths are stretched by the factor, short ones kept, those between blended.
      const double turns = original * frequency / (2.0 * std::numbers::pi);
      const double kept = std::clamp(
          (turns - rope.low_freq_factor) / (rope.high_freq_factor - rope.low_freq_factor), 0.0,
          1.0);
      frequency *= kept + (1.0 - kept) / rope.factor;
    }
    frequencies[i] = frequency;
  }
  return frequencies;
}

}  // namespace temper
