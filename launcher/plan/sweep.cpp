#include "launcher/plan/sweep.h"

#include <algorithm>
#include <cctype>
#include <string_view>

#include "common/error.h"
#include "config/config_values.h"

namespace temper {
namespace {

// For a directory's name.
std::string plain_name(std::string text) {
  constexpr size_t kMaxNameBytes = 200;
  for (char& c : text) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0 &&
        std::string_view("._-+=,").find(c) == std::string_view::npos) {
      c = '_';
    }
  }
  return text.substr(0, kMaxNameBytes);
}

SweepKey parse_sweep_key(const std::string& text) {
  const size_t equals = text.find('=');
  SweepKey entry;
  entry.key = text.substr(0, equals);
  for (size_t begin = equals; begin != text.npos && begin < text.size();) {
    const size_t comma = text.find(',', begin + 1);
    entry.values.push_back(text.substr(begin + 1, comma - begin - 1));
    begin = comma;
  }
  const bool any_empty = std::any_of(entry.values.begin(), entry.values.end(),
                                     [](const std::string& value) { return value.empty(); });
  if (entry.key.empty() || entry.values.empty() || any_empty) {
    throw UserError("--over {}: expected key=value,value,...", text);
  }
  return entry;
}

}  // namespace

std::vector<SweepKey> parse_sweep_keys(const std::vector<std::string>& texts) {
  std::vector<SweepKey> keys;
  for (const std::string& text : texts) {
    SweepKey entry = parse_sweep_key(text);
    const bool is_twice = std::any_of(
        keys.begin(), keys.end(), [&](const SweepKey& other) { return other.key == entry.key; });
    if (is_twice) throw UserError("--over {}: the key is given twice", entry.key);
    keys.push_back(std::move(entry));
  }
  return keys;
}

std::vector<SweepRun> sweep_runs(const std::vector<SweepKey>& keys,
                                 const std::filesystem::path& directory) {
  if (keys.empty()) return {};
  std::vector<SweepRun> runs = {{}};
  for (const SweepKey& entry : keys) {
    std::vector<SweepRun> longer;
    for (const SweepRun& run : runs) {
      for (const std::string& value : entry.values) {
        SweepRun next = run;
        next.name += (run.name.empty() ? "" : ",") + entry.key + "=" + value;
        next.overrides.push_back({entry.key, value});
        longer.push_back(std::move(next));
      }
    }
    runs = std::move(longer);
  }
  for (size_t i = 0; i < runs.size(); ++i) {
    SweepRun& run = runs[i];
    run.name = plain_name(run.name);
    // Two texts may have become one name.
    for (size_t j = 0; j < i; ++j) {
      if (runs[j].name == run.name) run.name += fmt::format("-{}", i);
    }
    run.overrides.push_back({"output_dir", yaml_text((directory / run.name).string())});
    run.overrides.push_back({"sweep", "null"});
  }
  return runs;
}

SweepRun sweep_run(const RunConfig& config, int64_t index) {
  const std::vector<SweepRun> runs = sweep_runs(config.sweep, config.output_dir);
  if (index < 0 || index >= static_cast<int64_t>(runs.size())) {
    throw UserError("--sweep-run {}: run.yaml's sweep has {} runs, numbered from 0", index,
                    runs.size());
  }
  return runs[static_cast<size_t>(index)];
}

}  // namespace temper
