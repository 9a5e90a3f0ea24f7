// The configuration that a checkpoint's commit record holds.
#pragma once

#include <string>

#include "config/run_config.h"

namespace temper {

// Reads what resolved_yaml() wrote. Unlike read_run_config it does not ask whether the files that
// it names are still there: a checkpoint outlives its corpus. `place` names it in the UserError
// for text that is not such a configuration.
RunConfig read_recorded_config(const std::string& yaml, const std::string& place);

}  // namespace temper
