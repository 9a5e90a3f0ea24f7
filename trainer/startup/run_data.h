// // Rank 0 looks into the data of a run for all ranks: they open the datasets with what it has
// found, without HDF5. Rank 0 does so itself, so that a run on one rank takes the same way as one
// on many.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "config/run_config.h"
#include "run/checkpoint/commit_record.h"

namespace temper {

struct RunData {
  std::map<std::string, std::string> datasets;  // PackedDataset::share() by path
  // The template of the first of `datasets` that has conversations; nothing: all are raw texts.
  std::optional<TemplateRecord> chat_template;
  bool operator==(const RunData&) const = default;

  std::string to_text() const;
  static RunData from_text(const std::string& text);
};

// Opens every dataset of the configuration. UserError for one that is none, and for conversations
// whose template cannot be told any more. Warns of datasets with different templates.
RunData find_run_data(const RunConfig& config);

}  // namespace temper
