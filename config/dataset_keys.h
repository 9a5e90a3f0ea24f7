// What an entry of datasets, test_datasets and general_datasets says, read and written.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "config/config_values.h"
#include "config/key_facts.h"
#include "config/run_config.h"

namespace temper {

struct DatasetKey : KeyFacts {
  std::function<void(const ConfigValue&, DatasetEntry&)> read;
};

// The keys of one entry.
const std::vector<DatasetKey>& dataset_keys();

// From a path, a list of paths, or a list of groups with the keys above.
std::vector<DatasetEntry> read_dataset_entries(const ConfigValue& value);

std::string yaml_dataset_entries(const std::vector<DatasetEntry>& entries);

}  // namespace temper
