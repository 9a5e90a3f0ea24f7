#include "launcher/corpus_options.h"

#include <string>
#include <vector>

namespace temper {
namespace {

std::vector<std::filesystem::path> paths_of(const CommandLine& line, const char* name) {
  std::vector<std::filesystem::path> paths;
  for (const std::string& text : line.texts(name)) paths.emplace_back(text);
  return paths;
}

}  // namespace

CorpusOptions read_corpus_options(const CommandLine& line) {
  CorpusOptions options;
  options.inputs = paths_of(line, "INPUT");
  options.format = corpus_format_named(line.get("format"));
  for (const std::string& column : line.texts("column")) options.columns.add(column);
  options.columns.group_by = line.find("group-by").value_or("");
  options.skip_bad_records = line.get("on-error") == "skip";
  options.num_workers = line.get<int>("workers");
  if (options.num_workers < 0) line.refuse("--workers must be 0 or more");
  return options;
}

HygieneOptions read_hygiene_options(const CommandLine& line) {
  const auto action = [&](const char* name) { return hygiene_action_named(name, line.get(name)); };
  HygieneOptions options;
  options.duplicates = action("duplicates");
  options.near_duplicates = action("near-duplicates");
  options.near_threshold = line.get<double>("near-threshold");
  options.conflicts = action("conflicts");
  options.overlap = action("overlap");
  options.cut_off = action("cut-off");
  options.mojibake = action("mojibake");
  options.personal_data = action("pii");
  options.held_out = paths_of(line, "held-out");
  options.general = paths_of(line, "general");
  options.val_share = line.get<double>("val-split");
  options.split_seed = line.get<uint64_t>("split-seed");
  options.check();
  return options;
}

}  // namespace temper
