// The names of run.yaml's keys: what other trainers call them, and what a misspelt one may mean.
#pragma once

#include <string>
#include <vector>

namespace temper {

// "lora_rank" -> "lora_r"; a name that is no alias comes back as it is.
std::string canonical_key(const std::string& name);

// ` (did you mean "learning_rate"?)` for the nearest of `known`, or empty when none is near.
std::string suggestion(const std::string& name, const std::vector<std::string>& known);

// For a key that belongs to another trainer and has no counterpart in run.yaml, what to do instead
// (": packing is what `temper pack` does"); empty for others.
std::string foreign_key_advice(const std::string& name);

// Restricted Damerau-Levenshtein distance: insertions, deletions, changes and swaps of neighbours.
size_t edit_distance(const std::string& a, const std::string& b);

}  // namespace temper
