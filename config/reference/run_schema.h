// A JSON Schema of run.yaml, for editors that complete and check YAML by one.
#pragma once

#include "io/json.h"

namespace temper {

// Draft 7, which editors know best. It has every key and alias with type, range, choices, default
// and meaning, refuses unknown keys, and refers to nothing outside itself. It asks for the plain
// spelling where reading is more generous: true and false for booleans, numbers without quotes.
OrderedJson run_schema();

}  // namespace temper
