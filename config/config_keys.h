// Every key of run.yaml, once: reading, the resolved copy and `temper init` share this table.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "config/config_values.h"
#include "config/run_config.h"

namespace temper {

struct ConfigKey {
  std::string name;     // "lora_r", "slurm.time"
  std::string section;  // heading it stands under
  std::string meaning;  // one or two sentences for the example
  std::function<void(const ConfigValue&, RunConfig&)> read;
  // The value as YAML; empty when it is better left out.
  std::function<std::string(const RunConfig&)> write;
  // What the example sets it to; empty: the default, commented out.
  std::string example;
};

// In the order in which they are written. Those of one section stand together.
const std::vector<ConfigKey>& config_keys();

// nullptr for an unknown name.
const ConfigKey* find_config_key(const std::string& name);

// Names for suggestions: with the prefix "slurm.", that group's, else the top level's.
std::vector<std::string> config_key_names(const std::string& prefix);

}  // namespace temper
