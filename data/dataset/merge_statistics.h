// The accounts of a dataset's shards as one.
#pragma once

#include <string>
#include <vector>

namespace temper {

// Counts are added, the largest of `longest_tokens` is taken, shares are computed anew.
std::string merge_statistics(const std::vector<std::string>& statistics, const std::string& place);
// Lists of the same files: their records are added.
std::string merge_sources(const std::vector<std::string>& sources, const std::string& place);

}  // namespace temper
