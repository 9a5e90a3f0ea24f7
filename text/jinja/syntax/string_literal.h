// The escapes of a string literal, as Python's.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace temper {

// `literal` stands between the quotes. None for an escape that is broken, \N{...}, or half a
// surrogate pair.
std::optional<std::string> decode_string_literal(std::string_view literal);

}  // namespace temper
