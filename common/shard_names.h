// Names of a file that comes in numbered shards: "train-00002-of-00008.h5" is one of "train.h5".
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>

namespace temper {

// `index` counts from 0.
std::filesystem::path shard_path(const std::filesystem::path& path, int64_t index, int64_t count);

// How many shards of `path` lie in its directory, by the count that their names state; empty when
// there is none, or the directory cannot be read.
std::map<int64_t, int64_t> find_shards(const std::filesystem::path& path);

}  // namespace temper
