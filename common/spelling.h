// Finds what a misspelt name may have meant.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace temper {

// ` (did you mean "learning_rate"?)` for the nearest of `known`, or empty when none is near.
std::string suggestion(const std::string& name, const std::vector<std::string>& known);

// Restricted Damerau-Levenshtein distance: insertions, deletions, changes and swaps of neighbours.
size_t edit_distance(const std::string& a, const std::string& b);

}  // namespace temper
