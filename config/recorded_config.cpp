#include "config/recorded_config.h"

#include "common/error.h"
#include "config/config_keys.h"
#include "config/yaml_tree.h"

namespace temper {
namespace {

void read_entries(const YamlNode& map, const std::string& prefix, const std::string& place,
                  RunConfig& config) {
  for (const YamlEntry& entry : map.entries) {
    const std::string name = prefix + entry.key;
    if (entry.value.kind == YamlNode::Kind::kMap) {
      read_entries(entry.value, name + ".", place, config);
      continue;
    }
    const ConfigKey* key = find_config_key(name);
    if (key == nullptr) {
      throw UserError("{}: the recorded configuration has \"{}\", which this version does not know",
                      place, name);
    }
    if (!entry.value.is_null()) key->read({entry.value, name, "/"}, config);
  }
}

}  // namespace

RunConfig read_recorded_config(const std::string& yaml, const std::string& place) {
  const YamlNode root = parse_yaml(yaml, place, /*numbered=*/false);
  if (root.kind != YamlNode::Kind::kMap) {
    throw UserError("{}: the recorded configuration is {}, not keys and values", place,
                    root.described());
  }
  RunConfig config;
  read_entries(root, "", place, config);
  return config;
}

}  // namespace temper
