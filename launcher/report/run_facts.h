// What a run's directory says of it. What is missing or cannot be read is listed as a gap instead
// of ending the report: it is most wanted when something went wrong.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "config/run_config.h"
#include "io/json.h"
#include "launcher/inspect/describe.h"
#include "run/checkpoint/commit_record.h"
#include "run/held_out_history.h"
#include "run/metrics_log.h"
#include "run/recommendation.h"
#include "run/run_directory.h"
#include "run/run_identity.h"

namespace temper {

struct RunFacts {
  std::filesystem::path directory;
  std::optional<ObservedStatus> status;
  std::optional<RunIdentity> identity;
  std::optional<RunConfig> config;
  std::string config_yaml;
  MetricsLog log;
  HeldOutHistory history;
  std::vector<CheckpointStatus> checkpoints;  // by descending step
  Recommendation recommendation;              // of the checkpoints
  std::vector<std::string> gaps;              // sentences

  std::string name() const;  // of the directory
  double max_forgetting() const { return recommendation.terms.max_forgetting; }
};

// UserError when it is no run's directory.
RunFacts read_run_facts(const std::filesystem::path& directory);

}  // namespace temper
