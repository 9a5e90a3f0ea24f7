// The commented run.yaml that `temper init` writes.
#pragma once

#include <string>

namespace temper {

// The name under which the schema lies beside it, for editors.
inline constexpr const char* kSchemaFileName = "run.schema.json";

// All keys with their meaning: those that a first run needs are set, the others show their default
// behind a "#". Its first line tells editors of kSchemaFileName.
std::string example_run_yaml();

}  // namespace temper
