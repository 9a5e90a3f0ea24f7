// Everything that a run's report shows, as one document: the page and the Markdown are drawn from
// it, and `temper report --json` writes it.
#pragma once

#include <filesystem>
#include <vector>

#include "io/json.h"

namespace temper {

struct ReportOptions {
  bool with_records = false;                       // sample answers with their texts
  std::vector<std::filesystem::path> others = {};  // runs to compare with in the frontier
};

// docs/formats/report.md. UserError when `run` is no run's directory.
OrderedJson run_figures(const std::filesystem::path& run, const ReportOptions& options);

}  // namespace temper
