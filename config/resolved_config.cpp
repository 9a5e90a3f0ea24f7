#include "config/resolved_config.h"

#include <string>

#include "config/config_keys.h"

namespace temper {
namespace {

// "a: 1", "a:\n  - b".
std::string line(const std::string& name, const std::string& value) {
  return name + (value.starts_with("\n") ? ":" : ": ") + value + "\n";
}

}  // namespace

std::string resolved_yaml(const RunConfig& config) {
  static const std::string kSlurm = "slurm.";
  std::string text;
  bool in_slurm = false;
  for (const ConfigKey& key : config_keys()) {
    const std::string value = key.write(config);
    if (value.empty()) continue;
    if (!key.name.starts_with(kSlurm)) {
      text += line(key.name, value);
      continue;
    }
    if (!in_slurm) text += "slurm:\n";
    in_slurm = true;
    text += "  " + line(key.name.substr(kSlurm.size()), value);
  }
  return text;
}

}  // namespace temper
