#include "config/config_overrides.h"

#include <algorithm>
#include <charconv>
#include <string>
#include <utility>

#include "common/error.h"
#include "config/config_keys.h"
#include "config/yaml_tree.h"

namespace temper {
namespace {

// Two ways to say one thing: setting the one takes the file's other one away.
const std::vector<std::pair<std::string, std::string>> kAlternatives = {
    {"global_batch_size", "gradient_accumulation_steps"}, {"warmup_steps", "warmup_ratio"}};

void remove_key(YamlNode& root, const std::string& key) {
  std::erase_if(root.entries,
                [&](const YamlEntry& entry) { return canonical_key(entry.key) == key; });
}

bool is_overridden(const std::vector<ConfigOverride>& overrides, const std::string& key) {
  return std::any_of(overrides.begin(), overrides.end(), [&](const ConfigOverride& override) {
    return canonical_key(override.key) == key;
  });
}

void remove_alternatives(YamlNode& root, const std::vector<ConfigOverride>& overrides) {
  for (const auto& [one, other] : kAlternatives) {
    const bool one_set = is_overridden(overrides, one);
    const bool other_set = is_overridden(overrides, other);
    if (one_set && !other_set) remove_key(root, other);
    if (other_set && !one_set) remove_key(root, one);
  }
}

YamlNode& member(YamlNode& map, const std::string& key, const std::string& place) {
  for (YamlEntry& entry : map.entries) {
    if (canonical_key(entry.key) == canonical_key(key)) return entry.value;
  }
  map.entries.push_back({key, place, {}});
  return map.entries.back().value;
}

YamlNode& step_into(YamlNode& node, const std::string& part, const std::string& place) {
  if (node.kind == YamlNode::Kind::kSequence) {
    size_t index = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), index);
    if (error != std::errc() || end != part.data() + part.size() || index >= node.items.size()) {
      throw UserError("{}: \"{}\" is no index of this list of {} (they begin at 0)", place, part,
                      node.items.size());
    }
    return node.items[index];
  }
  if (node.is_null()) {
    node.kind = YamlNode::Kind::kMap;
    node.place = place;
  }
  if (node.kind != YamlNode::Kind::kMap) {
    throw UserError("{}: there is no \"{}\" in it, as {} has {}", place, part, node.place,
                    node.described());
  }
  return member(node, part, place);
}

void apply_override(YamlNode& root, const ConfigOverride& override) {
  const std::string place = "--set " + override.key;
  YamlNode value = parse_yaml(override.value, place, false);
  YamlNode* target = &root;
  for (size_t begin = 0; begin <= override.key.size();) {
    const size_t end = std::min(override.key.find('.', begin), override.key.size());
    const std::string part = override.key.substr(begin, end - begin);
    if (part.empty()) throw UserError("{}: the key is not complete", place);
    target = &step_into(*target, part, place);
    begin = end + 1;
  }
  *target = std::move(value);
  target->place = place;
}

}  // namespace

ConfigOverride ConfigOverride::from_text(const std::string& text) {
  const size_t equals = text.find('=');
  if (equals == 0 || equals == std::string::npos) {
    throw UserError("--set {}: expected KEY=VALUE, e.g. --set learning_rate=1e-4", text);
  }
  return {text.substr(0, equals), text.substr(equals + 1)};
}

std::vector<ConfigOverride> ConfigOverride::all_from_text(const std::vector<std::string>& texts) {
  std::vector<ConfigOverride> overrides;
  for (const std::string& text : texts) overrides.push_back(from_text(text));
  return overrides;
}

void apply_overrides(YamlNode& root, const std::vector<ConfigOverride>& overrides) {
  remove_alternatives(root, overrides);
  for (const ConfigOverride& override : overrides) apply_override(root, override);
}

}  // namespace temper
