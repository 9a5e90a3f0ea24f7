#include "launcher/sweep.h"

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

}  // namespace

std::vector<SweepRun> sweep_runs(const RunConfig& config) {
  if (config.sweep.empty()) return {};
  std::vector<SweepRun> runs = {{}};
  for (const SweepKey& entry : config.sweep) {
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
    run.overrides.push_back({"output_dir", yaml_text((config.output_dir / run.name).string())});
    run.overrides.push_back({"sweep", "null"});
  }
  return runs;
}

SweepRun sweep_run(const RunConfig& config, int64_t index) {
  const std::vector<SweepRun> runs = sweep_runs(config);
  if (index < 0 || index >= static_cast<int64_t>(runs.size())) {
    throw UserError("--sweep-run {}: run.yaml's sweep has {} runs, numbered from 0", index,
                    runs.size());
  }
  return runs[static_cast<size_t>(index)];
}

}  // namespace temper
