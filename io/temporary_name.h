// Names for what is being written and does not have its own name yet.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string_view>

namespace temper {

// Makes something beside `path` and returns its name, PATH.HOST-PID-NUMBER.SUFFIX: others who write
// the same path use another one, on other nodes, too, and in containers, whose processes have equal
// numbers. `make` creates it under the given name without replacing anything, or returns false with
// errno set; where the name is taken it is called again with the next. SystemError when it cannot.
std::filesystem::path make_temporary(
    const std::filesystem::path& path, std::string_view suffix,
    const std::function<bool(const std::filesystem::path& name)>& make);

// The same for a new file, of mode 0600, open for reading and writing; its descriptor goes to `fd`.
std::filesystem::path create_temporary(const std::filesystem::path& path, std::string_view suffix,
                                       int& fd);

// "run.json" of "run.json.node7-4711-0.partial", a name that make_temporary() gives; of
// "run.json.4711.partial", too, as earlier versions wrote. Nothing for other names.
std::optional<std::string_view> name_being_written(std::string_view temporary);

}  // namespace temper
