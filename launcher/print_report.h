// Results on standard output: as JSON, or the same as lines for people.
#pragma once

#include <string>

#include "io/json.h"

namespace temper {

// For people: "key   value" lines, groups indented under their name.
void print_report(const OrderedJson& report, bool as_json);

std::string report_text(const OrderedJson& report);

}  // namespace temper
