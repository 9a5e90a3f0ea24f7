#include "launcher/plan/replay.h"

#include <charconv>

#include "common/error.h"
#include "config/config_values.h"

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
  std::vector<DatasetEntry> entries = config.datasets;
  if (share > 0.0) {
    entries.push_back({.path = std::filesystem::absolute(replay), .share = share});
  }
  std::string yaml;
  for (const DatasetEntry& entry : entries) {
    yaml += fmt::format("{}{{path: {}, {}: {}}}", yaml.empty() ? "" : ", ",
                        yaml_text(entry.path.string()), entry.share > 0.0 ? "share" : "weight",
                        entry.share > 0.0 ? entry.share : entry.weight);
  }
  return "[" + yaml + "]";
}

}  // namespace temper
