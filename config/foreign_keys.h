// Keys of other trainers that have no counterpart in run.yaml, and what to do instead. Keys that
// only have another name there are aliases in the table of keys (config/config_keys.h).
#pragma once

#include <map>
#include <string>

namespace temper {

// "packing" -> "that is decided when the data is packed; see `temper pack -h`".
const std::map<std::string, std::string>& foreign_keys();

// ": " and the advice for such a key; empty for others.
std::string foreign_key_advice(const std::string& name);

}  // namespace temper
