// The reference page of run.yaml: docs/reference/run_yaml.md is exactly this text.
#pragma once

#include <string>

namespace temper {

// Markdown: an entry for each key, by sections, and the keys of other trainers.
std::string run_reference();

}  // namespace temper
