// Checks that a checkpoint's files still are what was committed, byte for byte.
#pragma once

#include <filesystem>
#include <string>

#include "common/hash.h"
#include "run/checkpoint/commit_record.h"

namespace temper {

// The hash of a file's bytes; SystemError when it can't be read.
Hash128 hash_file(const std::filesystem::path& path);

// Reads every file that the record lists. Empty when all have the recorded hash, else what is wrong
// with the first that has not.
std::string find_damage(const std::filesystem::path& directory, const CommitRecord& record);

}  // namespace temper
