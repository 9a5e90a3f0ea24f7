#include "config/dataset_keys.h"

#include <algorithm>

#include "common/error.h"
#include "common/spelling.h"

namespace temper {
namespace {

std::vector<DatasetKey> make_dataset_keys() {
  DatasetKey path;
  path.name = "path";
  path.meaning =
      "The file that `temper pack` wrote. `train.h5` also stands for its shards, "
      "`train-00000-of-00004.h5` and so on.";
  path.type = ValueType::kPath;
  path.is_required = true;
  path.read = [](const ConfigValue& v, DatasetEntry& entry) { entry.path = read_path(v); };

  DatasetKey weight;
  weight.name = "weight";
  weight.meaning =
      "Each row is seen this many times in an epoch; 0.5 means that it is seen in every other "
      "epoch.";
  weight.type = ValueType::kNumber;
  weight.range.above = 0.0;
  weight.default_note = "1";
  weight.read = [](const ConfigValue& v, DatasetEntry& entry) { entry.weight = read_number(v); };

  DatasetKey share;
  share.name = "share";
  share.meaning =
      "Instead of a weight: this fraction of an epoch's rows comes from the dataset. General text "
      "with `share: 0.05` is replay against forgetting. At least one dataset must have a weight, "
      "and the shares together must stay below 1.";
  share.type = ValueType::kNumber;
  share.range.above = 0.0;
  share.range.below = 1.0;
  share.default_note = "none: the weight decides";
  share.read = [](const ConfigValue& v, DatasetEntry& entry) { entry.share = read_number(v); };
  return {path, weight, share};
}

DatasetEntry read_dataset_entry(const ConfigValue& value) {
  DatasetEntry entry;
  if (value.node.kind == YamlNode::Kind::kScalar) {
    entry.path = read_path(value);
    return entry;
  }
  if (value.node.kind != YamlNode::Kind::kMap)
    value.refuse("{path: FILE, weight: NUMBER}, or share");
  const std::vector<DatasetKey>& keys = dataset_keys();
  for (const YamlEntry& member : value.node.entries) {
    const auto key = std::find_if(keys.begin(), keys.end(),
                                  [&](const DatasetKey& k) { return k.name == member.key; });
    if (key == keys.end()) {
      std::vector<std::string> known;
      for (const DatasetKey& k : keys) known.push_back(k.name);
      throw UserError("{}: unknown key \"{}\" in {}{}", member.place, member.key, value.key,
                      suggestion(member.key, known));
    }
    const std::string name = value.key + "." + member.key;
    const ConfigValue field{member.value, name, value.directory};
    key->read(field, entry);
    check_facts(*key, field);
  }
  if (entry.path.empty()) throw UserError("{}: {} has no path", value.node.place, value.key);
  return entry;
}

}  // namespace

const std::vector<DatasetKey>& dataset_keys() {
  static const std::vector<DatasetKey> kKeys = make_dataset_keys();
  return kKeys;
}

std::vector<DatasetEntry> read_dataset_entries(const ConfigValue& value) {
  if (value.node.kind != YamlNode::Kind::kSequence) return {read_dataset_entry(value)};
  std::vector<DatasetEntry> entries;
  for (size_t i = 0; i < value.node.items.size(); ++i) {
    const std::string key = fmt::format("{}[{}]", value.key, i);
    entries.push_back(read_dataset_entry({value.node.items[i], key, value.directory}));
  }
  return entries;
}

std::string yaml_dataset_entries(const std::vector<DatasetEntry>& entries) {
  if (entries.empty()) return "[]";
  std::string list;
  for (const DatasetEntry& entry : entries) {
    list += fmt::format("\n  - {{path: {}, {}: {}}}", yaml_text(entry.path.string()),
                        entry.share > 0.0 ? "share" : "weight",
                        entry.share > 0.0 ? entry.share : entry.weight);
  }
  return list;
}

}  // namespace temper
