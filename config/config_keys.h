// The table of run.yaml's keys. Reading and checking a value, the resolved copy, suggestions for
// misspelt names, and what config/reference/ writes (the example of `temper init`, the reference
// page, the schema for editors) all come from it.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "config/config_values.h"
#include "config/key_facts.h"
#include "config/run_config.h"

namespace temper {

struct ConfigKey : KeyFacts {
  std::string section;  // heading it stands under
  // Puts a value of the right form into the configuration; its range is not looked at.
  std::function<void(const ConfigValue&, RunConfig&)> read;
  // The value as YAML; empty when it is better left out.
  std::function<std::string(const RunConfig&)> write;
  // What the example sets it to; empty: the default, commented out.
  std::string example;
};

// The keys in the order in which they are written; those of one section stand together.
const std::vector<ConfigKey>& config_keys();

// nullptr for an unknown name.
const ConfigKey* find_config_key(const std::string& name);

// Reads a value of this key and checks it against the range and the number of items.
void read_and_check(const ConfigKey& key, const ConfigValue& value, RunConfig& config);

// "lora_rank" -> "lora_r"; a name that is no alias comes back as it is.
std::string canonical_key(const std::string& name);

// Names for suggestions: with the prefix "slurm.", that group's, else the top level's.
std::vector<std::string> config_key_names(const std::string& prefix);

}  // namespace temper
