// A second place for what a rank says: a file of its own, with the time of every line.
#pragma once

#include <filesystem>

namespace temper::log {

// Everything that this rank says from now on, and what ranks other than 0 keep from the terminal,
// is also appended to the file (mode 0600). Where it cannot be opened there is a warning; a link is
// not followed.
void also_write_to(const std::filesystem::path& path);

}  // namespace temper::log
