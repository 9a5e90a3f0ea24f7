// // Finds out within a second, before the base is loaded, whether these nodes can do a run
// together.
#pragma once

#include <vector>

#include "comm/process_group.h"
#include "config/run_config.h"
#include "io/json.h"
#include "trainer/startup/rank_facts.h"

namespace temper {

struct PreflightReport {
  std::vector<RankFacts> ranks;
  std::vector<Finding> findings;

  bool has_failed() const;
  OrderedJson to_json() const;
};

// `config` may be null: then nothing of a run is compared. Collective; all ranks get the report.
PreflightReport run_preflight(const RunConfig* config, ProcessGroup& group);

// Warns of what it finds before a run starts; AgreedError for what is fatal. Collective.
void require_preflight(const RunConfig& config, ProcessGroup& group);

}  // namespace temper
