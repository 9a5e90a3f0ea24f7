// The names of run.yaml's keys: what other trainers call them.
#pragma once

#include <string>

namespace temper {

// "lora_rank" -> "lora_r"; a name that is no alias comes back as it is.
std::string canonical_key(const std::string& name);

// For a key that belongs to another trainer and has no counterpart in run.yaml, what to do instead
// (": packing is what `temper pack` does"); empty for others.
std::string foreign_key_advice(const std::string& name);

}  // namespace temper
