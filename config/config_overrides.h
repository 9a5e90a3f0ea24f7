// "--set key=value" put into the tree of the file.
#pragma once

#include <vector>

#include "config/run_config.h"
#include "config/yaml_tree.h"

namespace temper {

// Each override replaces the value under its key (whatever name the file calls it by), or adds it;
// places then read "--set key". UserError: a dotted key that leads nowhere.
void apply_overrides(YamlNode& root, const std::vector<ConfigOverride>& overrides);

}  // namespace temper
