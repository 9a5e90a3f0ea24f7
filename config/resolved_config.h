// The configuration that a run is done with, written out.
#pragma once

#include <string>

#include "config/run_config.h"

namespace temper {

// The whole configuration with its defaults filled in, as YAML that read_run_config accepts.
std::string resolved_yaml(const RunConfig& config);

}  // namespace temper
