#include "config/reference/run_schema.h"

#include <algorithm>
#include <string>
#include <vector>

#include "config/config_keys.h"
#include "config/dataset_keys.h"
#include "config/validate_config.h"
#include "config/yaml_tree.h"

namespace temper {
namespace {

const std::string kSlurm = "slurm.";

OrderedJson any_of(OrderedJson first, OrderedJson second) {
  return {{"anyOf", OrderedJson::array({std::move(first), std::move(second)})}};
}

// One of them as it is, or a list of them.
OrderedJson one_or_list(const OrderedJson& item, bool needs_item = false) {
  OrderedJson list = {{"type", "array"}, {"items", item}};
  if (needs_item) list["minItems"] = 1;
  return any_of(item, std::move(list));
}

OrderedJson bounds(const ValueRange& range) {
  OrderedJson bounds = OrderedJson::object();
  const auto add = [&](const char* name, const std::optional<double>& bound) {
    if (!bound) return;
    const auto whole = static_cast<int64_t>(*bound);
    if (static_cast<double>(whole) == *bound) {
      bounds[name] = whole;
    } else {
      bounds[name] = *bound;
    }
  };
  add("minimum", range.at_least);
  add("exclusiveMinimum", range.above);
  add("maximum", range.at_most);
  add("exclusiveMaximum", range.below);
  return bounds;
}

OrderedJson number_schema(const char* type, const ValueRange& range) {
  OrderedJson schema = {{"type", type}};
  if (range.or_zero) {
    schema.update(any_of({{"const", 0}}, bounds(range)));
  } else {
    schema.update(bounds(range));
  }
  return schema;
}

OrderedJson text_schema(const char* pattern = nullptr) {
  // `account: 123` is a number to an editor and a text to us.
  OrderedJson schema = {{"type", {"string", "number"}}};
  if (pattern != nullptr) schema["pattern"] = pattern;
  return schema;
}

OrderedJson choice_schema(const std::vector<std::string>& choices) {
  return {{"enum", choices}};
}

OrderedJson assignments_schema() {
  constexpr const char* kName = "^[A-Za-z_][A-Za-z0-9_]*$";
  const OrderedJson group = {{"type", "object"},
                             {"propertyNames", {{"pattern", kName}}},
                             {"additionalProperties", {{"type", {"string", "number", "boolean"}}}}};
  return any_of(group, one_or_list({{"type", "string"}, {"pattern", "^[A-Za-z_][A-Za-z0-9_]*="}}));
}

OrderedJson datasets_schema() {
  return one_or_list(
      any_of({{"type", "string"}, {"minLength", 1}}, {{"$ref", "#/definitions/dataset"}}));
}

// Each key of the top level that the runs of a sweep may differ in, with a list of its values.
OrderedJson sweep_schema() {
  OrderedJson properties = OrderedJson::object();
  for (const ConfigKey& key : config_keys()) {
    if (!may_sweep(key.name)) continue;
    properties[key.name] = one_or_list({{"$ref", "#/properties/" + key.name}}, true);
  }
  return {{"type", "object"}, {"additionalProperties", false}, {"properties", properties}};
}

OrderedJson value_schema(const KeyFacts& key) {
  switch (key.type) {
    case ValueType::kInteger:
      return number_schema("integer", key.range);
    case ValueType::kNumber:
      return number_schema("number", key.range);
    case ValueType::kBoolean:
      return {{"type", "boolean"}};
    case ValueType::kDuration:
      return {{"type", {"integer", "string"}},
              {"minimum", 0},
              {"pattern", "^([0-9]+|[0-9]+:[0-5][0-9]:[0-5][0-9])$"}};
    case ValueType::kChoice:
      return choice_schema(key.choices);
    case ValueType::kPath:
      if (key.is_required) return {{"type", "string"}, {"minLength", 1}};
      return {{"type", "string"}};
    case ValueType::kText:
      return text_schema();
    case ValueType::kWord:
      return text_schema(kWordPattern);
    case ValueType::kTexts:
      return one_or_list({{"type", "string"}}, key.needs_item);
    case ValueType::kWords:
      return one_or_list(text_schema(kWordPattern));
    case ValueType::kOptions:
      return one_or_list({{"type", "string"}, {"pattern", "^-"}});
    case ValueType::kAssignments:
      return assignments_schema();
    case ValueType::kDatasets:
      return datasets_schema();
    case ValueType::kSweep:
      return sweep_schema();
  }
  return OrderedJson::object();
}

OrderedJson default_json(const ConfigKey& key) {
  const YamlNode node = parse_yaml(key.write(RunConfig()), key.name);
  const auto texts = [&] {
    OrderedJson list = OrderedJson::array();
    for (const YamlNode& item : node.items) list.push_back(item.text);
    return list;
  };
  switch (key.type) {
    case ValueType::kInteger:
    case ValueType::kNumber:
    case ValueType::kDuration:
      return OrderedJson::parse(node.text);
    case ValueType::kBoolean:
      return node.text == "true";
    case ValueType::kSweep:
      return OrderedJson::object();
    case ValueType::kTexts:
    case ValueType::kWords:
    case ValueType::kOptions:
    case ValueType::kAssignments:
    case ValueType::kDatasets:
      return texts();
    default:
      return node.text;
  }
}

std::string description(const KeyFacts& key) {
  std::string text = key.meaning;
  if (!key.default_note.empty()) text += " Default: " + key.default_note + ".";
  if (!key.unit.empty()) text += " Unit: " + key.unit + ".";
  return text;
}

OrderedJson key_schema(const ConfigKey& key) {
  OrderedJson schema = {{"description", description(key)}};
  schema.update(value_schema(key));
  if (!key.is_required && key.default_note.empty()) schema["default"] = default_json(key);
  return schema;
}

OrderedJson dataset_definition() {
  OrderedJson properties = OrderedJson::object();
  OrderedJson required = OrderedJson::array();
  for (const DatasetKey& key : dataset_keys()) {
    OrderedJson schema = {{"description", description(key)}};
    schema.update(value_schema(key));
    properties[key.name] = schema;
    if (key.is_required) required.push_back(key.name);
  }
  return {{"type", "object"},
          {"additionalProperties", false},
          {"required", required},
          {"properties", properties}};
}

// One of a required key's names must be there.
OrderedJson requirement(const ConfigKey& key) {
  OrderedJson names = OrderedJson::array({{{"required", {key.name}}}});
  for (const std::string& alias : key.aliases) names.push_back({{"required", {alias}}});
  return {{"anyOf", names}};
}

}  // namespace

OrderedJson run_schema() {
  OrderedJson properties = OrderedJson::object();
  OrderedJson slurm = OrderedJson::object();
  OrderedJson aliases = OrderedJson::object();
  OrderedJson required = OrderedJson::array();
  for (const ConfigKey& key : config_keys()) {
    if (key.name.starts_with(kSlurm)) {
      slurm[key.name.substr(kSlurm.size())] = key_schema(key);
      continue;
    }
    properties[key.name] = key_schema(key);
    if (key.is_required) required.push_back(requirement(key));
    for (const std::string& alias : key.aliases) {
      aliases[alias] = {{"description", "The same as " + key.name + ". " + description(key)},
                        {"allOf", OrderedJson::array({{{"$ref", "#/properties/" + key.name}}})}};
    }
  }
  properties["slurm"] = {
      {"description", "What the batch script asks Slurm for, and how the job goes on."},
      {"type", "object"},
      {"additionalProperties", false},
      {"properties", slurm}};
  properties.update(aliases);
  return {{"$schema", "http://json-schema.org/draft-07/schema#"},
          {"title", "run.yaml of temper"},
          {"type", "object"},
          {"additionalProperties", false},
          {"allOf", required},
          {"properties", properties},
          {"definitions", {{"dataset", dataset_definition()}}}};
}

}  // namespace temper
