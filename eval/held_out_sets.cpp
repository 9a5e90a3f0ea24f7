#include "eval/held_out_sets.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>

namespace temper {

std::vector<std::string> held_out_names(const std::vector<DatasetEntry>& entries,
                                        const std::string& prefix) {
  std::map<std::string, int> uses;
  for (const DatasetEntry& entry : entries) ++uses[entry.path.stem().string()];
  std::vector<std::string> names;
  for (const DatasetEntry& entry : entries) {
    std::string name = entry.path.stem().string();
    if (uses[name] > 1) {
      name = (std::filesystem::absolute(entry.path).parent_path().filename() / name).string();
    }
    name = fmt::format("{}/{}", prefix, name);
    const std::string plain = name;
    for (int i = 2; std::find(names.begin(), names.end(), name) != names.end(); ++i) {
      name = fmt::format("{}-{}", plain, i);
    }
    names.push_back(name);
  }
  return names;
}

}  // namespace temper
