// Talk for people, on stderr. Only rank 0 speaks unless `every_rank` is set; results of commands go
// to stdout instead. Never pass the text of a record.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>

namespace temper::log {

// Called once after the rank is known. Before that the process speaks as rank 0 of 1.
void set_rank(int rank, int world_size);

// Ends a live bar on the terminal, if there is one, before a line is written.
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
