#include "config/run_config.h"

#include <string>

#include "common/error.h"
#include "common/spelling.h"
#include "config/config_keys.h"
#include "config/config_overrides.h"
#include "config/foreign_keys.h"
#include "config/validate_config.h"
#include "config/yaml_tree.h"

namespace temper {
namespace {

// Reads the entries of the file, or of one of its groups ("slurm.").
class TreeReader {
 public:
  TreeReader(std::filesystem::path directory, RunConfig& config)
      : directory_(std::move(directory)), config_(config) {}

  void read(const YamlNode& map, const std::string& prefix) {
    for (const YamlEntry& entry : map.entries) read_entry(entry, prefix);
  }
  void read_slurm(const YamlNode& group) {
    if (group.is_null()) return;
    if (group.kind != YamlNode::Kind::kMap) {
      throw UserError("{}: slurm is {}; expected a group of keys", group.place, group.described());
    }
    read(group, "slurm.");
  }
  const GivenKeys& given() const { return given_; }

 private:
  void read_entry(const YamlEntry& entry, const std::string& prefix) {
    const std::string name = prefix.empty() ? canonical_key(entry.key) : prefix + entry.key;
    if (prefix.empty() && name == "slurm") {
      read_slurm(entry.value);
      return;
    }
    const ConfigKey* key = find_config_key(name);
    if (key == nullptr) refuse_unknown(entry, prefix);
    const auto [earlier, is_new] = given_.emplace(name, GivenKey{entry.value.place, entry.key});
    if (!is_new) {
      throw UserError("{}: \"{}\" is another name of \"{}\", which {} gives already", entry.place,
                      entry.key, name, earlier->second.place);
    }
    // A key with nothing behind it is not given.
    if (entry.value.is_null()) {
      given_.erase(name);
      return;
    }
    const std::string shown = prefix + entry.key;
    read_and_check(*key, {entry.value, shown, directory_}, config_);
  }

  [[noreturn]] static void refuse_unknown(const YamlEntry& entry, const std::string& prefix) {
    const std::string advice = prefix.empty() ? foreign_key_advice(entry.key) : "";
    if (!advice.empty()) {
      throw UserError("{}: \"{}\" is no key of run.yaml{}", entry.place, entry.key, advice);
    }
    throw UserError("{}: unknown key \"{}\"{}{}", entry.place, entry.key,
                    prefix.empty() ? "" : " in slurm",
                    suggestion(entry.key, config_key_names(prefix)));
  }

  std::filesystem::path directory_;
  RunConfig& config_;
  GivenKeys given_;
};

}  // namespace

SlurmConfig read_slurm_config(const std::filesystem::path& path,
                              const std::vector<ConfigOverride>& overrides) {
  YamlNode root = read_yaml_map(path);
  apply_overrides(root, overrides);
  RunConfig config;
  TreeReader reader(std::filesystem::absolute(path).parent_path(), config);
  if (const YamlEntry* group = root.find("slurm")) reader.read_slurm(group->value);
  return config.slurm;
}

RunConfig read_run_config(const std::filesystem::path& path,
                          const std::vector<ConfigOverride>& overrides) {
  YamlNode root = read_yaml_map(path);
  apply_overrides(root, overrides);
  RunConfig config;
  TreeReader reader(std::filesystem::absolute(path).parent_path(), config);
  reader.read(root, "");
  complete_and_validate(config, reader.given(), path.string());
  return config;
}

}  // namespace temper
