#include "launcher/sweep_grid.h"

#include <algorithm>
#include <cctype>
#include <charconv>

#include "common/error.h"
#include "data/packed_dataset.h"

namespace temper {
namespace {

double parse_share(const std::string& text) {
  double share = -1.0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), share);
  if (error != std::errc() || end != text.data() + text.size() || !(share >= 0.0 && share < 1.0)) {
    throw UserError("--over replay: {} is no share of the rows, from 0 to below 1", text);
  }
  return share;
}

// The run's datasets, and the replay dataset with the weight that makes it `share` of an epoch.
std::string with_replay(const RunConfig& config, const std::filesystem::path& replay,
                        double share) {
  std::string yaml;
  double num_rows = 0.0;
  for (const DatasetEntry& entry : config.datasets) {
    num_rows += entry.weight * static_cast<double>(PackedDataset(entry.path).info().num_rows);
    yaml += fmt::format("{{path: \"{}\", weight: {}}}, ", entry.path.string(), entry.weight);
  }
  const auto replay_rows = static_cast<double>(PackedDataset(replay).info().num_rows);
  const double weight = share / (1.0 - share) * num_rows / replay_rows;
  if (weight > 0.0) {
    yaml += fmt::format("{{path: \"{}\", weight: {}}}", std::filesystem::absolute(replay).string(),
                        weight);
  }
  return "[" + yaml + "]";
}

std::string folder_name(const std::string& text) {
  std::string name = text;
  std::replace_if(
      name.begin(), name.end(),
      [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '.' && c != '-';
      },
      '_');
  return name;
}

}  // namespace

SweptKey SweptKey::from_text(const std::string& text) {
  const size_t equals = text.find('=');
  SweptKey swept;
  swept.key = text.substr(0, equals);
  for (size_t begin = equals; begin != text.npos && begin < text.size();) {
    const size_t comma = text.find(',', begin + 1);
    swept.values.push_back(text.substr(begin + 1, comma - begin - 1));
    begin = comma;
  }
  const bool any_empty = std::any_of(swept.values.begin(), swept.values.end(),
                                     [](const std::string& value) { return value.empty(); });
  if (swept.key.empty() || swept.values.empty() || any_empty) {
    throw UserError("--over {}: expected key=value,value,...", text);
  }
  return swept;
}

std::vector<SweptRun> sweep_grid(const std::vector<SweptKey>& keys, const RunConfig& config,
                                 const std::filesystem::path& replay) {
  std::vector<SweptRun> runs = {{}};
  for (size_t k = 0; k < keys.size(); ++k) {
    const SweptKey& swept = keys[k];
    const bool is_twice =
        std::any_of(keys.begin(), keys.begin() + static_cast<std::ptrdiff_t>(k),
                    [&](const SweptKey& other) { return other.key == swept.key; });
    if (is_twice) throw UserError("--over {}: the key is given twice", swept.key);
    if (swept.key == "replay" && replay.empty()) {
      throw UserError("--over replay needs the dataset to replay from: --replay FILE.h5");
    }
    std::vector<SweptRun> longer;
    for (const SweptRun& run : runs) {
      for (const std::string& value : swept.values) {
        SweptRun next = run;
        next.name += fmt::format("{}{}-{}", run.name.empty() ? "" : "_", folder_name(swept.key),
                                 folder_name(value));
        next.overrides.push_back(
            swept.key == "replay"
                ? ConfigOverride{"datasets", with_replay(config, replay, parse_share(value))}
                : ConfigOverride{swept.key, value});
        longer.push_back(std::move(next));
      }
    }
    runs = std::move(longer);
  }
  return runs;
}

}  // namespace temper
