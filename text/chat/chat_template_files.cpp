// Where models keep their chat templates.
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <map>

#include "common/error.h"
#include "io/atomic_file.h"
#include "io/json.h"
#include "text/chat/chat_template.h"

namespace temper {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxConfigBytes = size_t{64} << 20;

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

Json read_object(const fs::path& path) {
  Json json = read_json_file(path, kMaxConfigBytes);
  if (!json.is_object()) throw UserError("{}: expected a JSON object", path.native());
  return json;
}

// Templates by variant: a text is the default, a list has {name, template}.
std::map<std::string, std::string> templates_of(const Json& config, const fs::path& path) {
  const auto found = config.find("chat_template");
  if (found == config.end() || found->is_null()) return {};
  if (found->is_string()) return {{"default", found->get<std::string>()}};
  std::map<std::string, std::string> templates;
  const auto add = [&](const Json& name, const Json& source) {
    if (!name.is_string() || !source.is_string()) {
      throw UserError("{}: \"chat_template\" has a template without a name or text", path.native());
    }
    templates[name.get<std::string>()] = source.get<std::string>();
  };
  if (found->is_array()) {
    for (const Json& entry : *found) {
      if (!entry.is_object()) throw UserError("{}: \"chat_template\" is malformed", path.native());
      add(entry.value("name", Json()), entry.value("template", Json()));
    }
  } else if (found->is_object()) {
    for (const auto& [name, source] : found->items()) add(name, source);
  } else {
    throw UserError("{}: \"chat_template\" is neither a text nor a list", path.native());
  }
  return templates;
}

// What a directory has, the file of its own before the members of JSON files.
std::map<std::string, std::string> templates_in(const fs::path& directory) {
  std::map<std::string, std::string> templates;
  for (const char* name : {"tokenizer_config.json", "chat_template.json"}) {
    const fs::path path = directory / name;
    if (!is_there(path)) continue;
    for (auto& [variant, source] : templates_of(read_object(path), path)) {
      templates[variant] = std::move(source);
    }
  }
  if (const fs::path path = directory / "chat_template.jinja"; is_there(path)) {
    templates["default"] = read_file(path, kMaxJinjaSource);
  }
  const fs::path more = directory / "additional_chat_templates";
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(more, ignored)) {
    if (entry.path().extension() != ".jinja") continue;
    templates[entry.path().stem().native()] = read_file(entry.path(), kMaxJinjaSource);
  }
  return templates;
}

// bos_token, pad_token and so on, as tokenizer_config.json has them.
OrderedJson special_tokens_in(const fs::path& directory) {
  OrderedJson tokens = OrderedJson::object();
  const fs::path path = directory / "tokenizer_config.json";
  if (!is_there(path)) return tokens;
  const Json config = read_object(path);
  for (const auto& [key, value] : config.items()) {
    if (!key.ends_with("_token")) continue;
    if (value.is_string()) {
      tokens[key] = value.get<std::string>();
    } else if (value.is_object() && value.value("content", Json()).is_string()) {
      tokens[key] = value["content"].get<std::string>();
    }
  }
  return tokens;
}

std::optional<std::string> pick(const std::map<std::string, std::string>& templates,
                                const std::string& variant, const fs::path& place) {
  if (templates.empty()) return std::nullopt;
  const auto found = templates.find(variant);
  if (found != templates.end()) return found->second;
  std::vector<std::string> names;
  for (const auto& known : templates) names.push_back(known.first);
  throw UserError("{}: there is no chat template '{}', only {}", place.native(), variant,
                  fmt::join(names, ", "));
}

fs::path directory_of(const fs::path& model) {
  std::error_code ignored;
  return fs::is_directory(model, ignored) ? model : model.parent_path();
}

bool names_models_own(const std::string& name) {
  return name == "model" || name.starts_with("model:");
}

// The VARIANT in "model:VARIANT"; empty for "model".
std::string variant_of(const std::string& name) {
  return name == "model" ? "default" : name.substr(std::string_view("model:").size());
}

}  // namespace

std::optional<ChatTemplate> ChatTemplate::of_model(const fs::path& directory,
                                                   const std::string& variant) {
  const auto source = pick(templates_in(directory), variant, directory);
  if (!source) return std::nullopt;
  const std::string name = variant == "default" ? "model" : "model:" + variant;
  ChatTemplate result = from_source(*source, name);
  result.set_variables(special_tokens_in(directory));
  return result;
}

ChatTemplate ChatTemplate::from_file(const fs::path& path, const std::string& variant) {
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) {
    auto found = of_model(path, variant);
    if (!found) throw UserError("{}: this model has no chat template", path.native());
    found->name_ = path.native();
    return *std::move(found);
  }
  if (path.extension() != ".json") {
    return from_source(read_file(path, kMaxJinjaSource), path.native());
  }
  const auto source = pick(templates_of(read_object(path), path), variant, path);
  if (!source) throw UserError("{}: there is no \"chat_template\"", path.native());
  ChatTemplate result = from_source(*source, path.native());
  result.set_variables(special_tokens_in(path.parent_path()));
  return result;
}

bool ChatTemplate::is_known_name(const std::string& name) {
  const std::vector<std::string> built_in = names();
  return names_models_own(name) ||
         std::find(built_in.begin(), built_in.end(), name) != built_in.end();
}

ChatTemplate ChatTemplate::recorded(const std::string& name, const std::string& source,
                                    const fs::path& model, const std::string& place) {
  if (!is_known_name(name)) {
    if (!source.empty()) return from_source(source, name);
    throw UserError(
        "{}: it names chat template '{}' without its text; name the file with --chat-template",
        place, name);
  }
  if (source.empty()) return find(name, model);
  if (!names_models_own(name)) return built_in(name, source);
  const auto own = of_model(directory_of(model), variant_of(name));
  if (own && own->source() != source) {
    throw UserError(
        "{}: its chat template is not the one that {} was trained with; name the original base "
        "with "
        "--model",
        directory_of(model).native(), place);
  }
  ChatTemplate result = from_source(source, name);
  result.set_variables(special_tokens_in(directory_of(model)));
  return result;
}

ChatTemplate ChatTemplate::find(const std::string& name, const fs::path& model) {
  if (name.empty()) {
    auto own = of_model(directory_of(model));
    return own ? *std::move(own) : named("plain");
  }
  if (names_models_own(name)) {
    auto found = of_model(directory_of(model), variant_of(name));
    if (!found) {
      throw UserError("{}: this model has no chat template; name one of {}, or a file",
                      directory_of(model).native(), fmt::join(names(), ", "));
    }
    return *std::move(found);
  }
  for (const std::string& known : names()) {
    if (name == known) return named(name);
  }
  if (is_there(name)) return from_file(fs::absolute(name));
  throw UserError("'{}' is not a chat template; give a file, \"model\" for the model's own, or {}",
                  name, fmt::join(names(), ", "));
}

}  // namespace temper
