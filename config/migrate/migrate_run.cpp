#include "config/migrate/migrate_run.h"

#include <algorithm>

#include "common/error.h"
#include "config/config_keys.h"
#include "config/migrate/migrate_parts.h"

namespace temper {
namespace {

// Lists and groups are no values of the keys that mean the same.
bool can_carry(const YamlEntry& entry, const std::string& key) {
  const ConfigKey* known = find_config_key(key);
  return known != nullptr && key.find('.') == std::string::npos &&
         entry.value.kind != YamlNode::Kind::kMap;
}

void migrate_rest(const ForeignFile& file, Migration& migration) {
  for (const YamlEntry* entry : file.rest()) {
    const std::string key = canonical_key(entry->key);
    if (can_carry(*entry, key) && !migration.has(key)) {
      carry_over(migration, key, entry->key, entry->value);
    } else if (says_off(entry->value)) {
      migration.off.push_back(entry->key);
    } else {
      migration.leave_out(entry->key, reason_left_out(entry->key));
    }
  }
}

// What the parts have taken without a word is named as well.
void name_taken(const ForeignFile& file, Migration& migration) {
  for (const YamlEntry* entry : file.taken()) {
    const auto is_it = [&](const LeftOutKey& key) { return key.key == entry->key; };
    const auto& left = migration.left_out;
    if (migration.has(canonical_key(entry->key)) ||
        std::find_if(left.begin(), left.end(), is_it) != left.end()) {
      continue;
    }
    (says_off(entry->value) ? migration.off : migration.elsewhere).push_back(entry->key);
  }
}

}  // namespace

Migration migrate_run(const std::filesystem::path& path, const MigrateOptions& options) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) throw UserError("{}: no such file", path.string());
  const YamlNode root = read_yaml_map(path);
  Migration migration;
  migration.trainer = options.trainer ? *options.trainer : detect_trainer(root);
  migration.folder = path.parent_path();
  ForeignFile file(migration.trainer, root);
  migrate_batch(file, migration, options.num_processes);
  migrate_method(file, migration);
  migrate_data(file, migration);
  migrate_rest(file, migration);
  name_taken(file, migration);
  return migration;
}

}  // namespace temper
