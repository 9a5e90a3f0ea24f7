#include "config/config_keys.h"

#include <algorithm>
#include <map>

#include "config/key_table.h"

namespace temper {

const std::vector<ConfigKey>& config_keys() {
  static const std::vector<ConfigKey> kKeys = [] {
    KeyTable table;
    add_model_keys(table);
    add_data_keys(table);
    add_optimisation_keys(table);
    add_progress_keys(table);
    add_sharding_keys(table);
    add_sweep_key(table);
    add_machine_keys(table);
    add_slurm_keys(table);
    return table.keys;
  }();
  return kKeys;
}

const ConfigKey* find_config_key(const std::string& name) {
  const auto& keys = config_keys();
  const auto found = std::find_if(keys.begin(), keys.end(),
                                  [&](const ConfigKey& key) { return key.name == name; });
  return found == keys.end() ? nullptr : &*found;
}

void read_and_check(const ConfigKey& key, const ConfigValue& value, RunConfig& config) {
  key.read(value, config);
  check_facts(key, value);
}

std::string canonical_key(const std::string& name) {
  static const std::map<std::string, std::string> kAliases = [] {
    std::map<std::string, std::string> aliases;
    for (const ConfigKey& key : config_keys()) {
      for (const std::string& alias : key.aliases) aliases.emplace(alias, key.name);
    }
    return aliases;
  }();
  const auto found = kAliases.find(name);
  return found == kAliases.end() ? name : found->second;
}

std::vector<std::string> config_key_names(const std::string& prefix) {
  std::vector<std::string> names;
  for (const ConfigKey& key : config_keys()) {
    if (!key.name.starts_with(prefix)) continue;
    const std::string name = key.name.substr(prefix.size());
    const std::string first = name.substr(0, name.find('.'));
    if (names.empty() || names.back() != first) names.push_back(first);
  }
  return names;
}

}  // namespace temper
