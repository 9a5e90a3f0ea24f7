// Room on a file system for what is still to be written.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace temper {

// `path`, or the nearest above it that is a directory: a run's is made later.
std::filesystem::path nearest_directory(const std::filesystem::path& path);

// What this user may still write there, as the file system says; of quotas it mostly says nothing.
// `path` need not exist. SystemError when it does not say.
uint64_t free_bytes(const std::filesystem::path& path);

// SystemError naming both numbers when there is less free space than that.
void require_free_space(const std::filesystem::path& path, uint64_t needed_bytes);

// Takes so many bytes in `directory`, which exists, and gives them back at once: what a quota does
// not allow is refused then. Empty when they can be had, or where a file system does not tell
// (fallocate is not for all of them); else why not.
std::string find_allocation_problem(const std::filesystem::path& directory, uint64_t num_bytes);

}  // namespace temper
