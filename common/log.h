// What a process says to people, on stderr: rank 0 for all ranks, and each rank for its own errors.
// Results of commands go to stdout instead. Never pass the text of a record.
#pragma once

#include <fmt/format.h>

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

namespace temper::log {

// Called once after the rank is known. Before that the process speaks as rank 0 of 1.
void set_rank(int rank, int world_size);

// Appends what this rank says from now on, and what ranks other than 0 keep from the terminal, to a
// file (mode 0600), with the time of every line. Where it cannot be opened there is a warning; a
// link is not followed.
void also_write_to(const std::filesystem::path& path);

void info_text(std::string_view text);
void warning_text(std::string_view text);
// Spoken by whatever rank calls it, prefixed with the rank when there are several.
void error_text(std::string_view text);

template <typename... Args>
void info(fmt::format_string<Args...> format, Args&&... args) {
  info_text(fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void warning(fmt::format_string<Args...> format, Args&&... args) {
  warning_text(fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void error(fmt::format_string<Args...> format, Args&&... args) {
  error_text(fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace temper::log
