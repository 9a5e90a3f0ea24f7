#include "launcher/replay.h"

#include <charconv>

#include "common/error.h"
#include "config/config_values.h"
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

}  // namespace

std::string datasets_with_replay(const RunConfig& config, const std::filesystem::path& replay,
                                 const std::string& share_text) {
  const double share = parse_share(share_text);
  std::string yaml;
  const auto add = [&](const std::filesystem::path& path, double weight) {
    yaml += fmt::format("{}{{path: {}, weight: {}}}", yaml.empty() ? "" : ", ",
                        yaml_text(path.string()), weight);
  };
  double num_rows = 0.0;
  for (const DatasetEntry& entry : config.datasets) {
    num_rows += entry.weight * static_cast<double>(PackedDataset(entry.path).info().num_rows);
    add(entry.path, entry.weight);
  }
  const auto replay_rows = static_cast<double>(PackedDataset(replay).info().num_rows);
  const double weight = share / (1.0 - share) * num_rows / replay_rows;
  if (weight > 0.0) add(std::filesystem::absolute(replay), weight);
  return "[" + yaml + "]";
}

}  // namespace temper
