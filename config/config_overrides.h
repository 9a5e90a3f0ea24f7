// "--set key=value": what the command line says of a key of run.yaml.
#pragma once

#include <string>
#include <vector>

namespace temper {

struct YamlNode;

// "--set key=value" from the command line, as though it stood in the file: it replaces what the
// file says of that key (and of global_batch_size's or warmup_steps' other spelling).
struct ConfigOverride {
  std::string key;    // "learning_rate", "slurm.time", "datasets.0.weight"
  std::string value;  // YAML: 3, 1e-4, [q_proj, v_proj], lora

  // From "key=value"; UserError without "=".
  static ConfigOverride from_text(const std::string& text);
  static std::vector<ConfigOverride> all_from_text(const std::vector<std::string>& texts);
};

// Each override replaces the value under its key (whatever name the file calls it by), or adds it;
// places then read "--set key". UserError: a dotted key that leads nowhere.
void apply_overrides(YamlNode& root, const std::vector<ConfigOverride>& overrides);

}  // namespace temper
