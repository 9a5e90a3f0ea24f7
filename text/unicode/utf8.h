// UTF-8: walking over code points, writing them, and repairing what is not valid.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace temper {

// The bytes of the code point that starts with this byte, in valid UTF-8.
inline size_t utf8_length(char lead) {
  const auto byte = static_cast<unsigned char>(lead);
  return byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
}

inline bool is_utf8_continuation(char c) {
  return (static_cast<unsigned char>(c) & 0xC0) == 0x80;
}

// The code point at `position` of valid UTF-8; `position` moves behind it.
char32_t next_code_point(std::string_view text, size_t& position);
// The code point that ends before `position` (> 0) of valid UTF-8; `position` moves to its start.
char32_t previous_code_point(std::string_view text, size_t& position);

void append_utf8(std::string& out, char32_t code_point);
size_t count_code_points(std::string_view text);  // of valid UTF-8

bool is_ascii(std::string_view text);
bool is_valid_utf8(std::string_view text);
// Every maximal ill-formed part becomes one U+FFFD, as in Python's decode(errors="replace").
std::string replace_invalid_utf8(std::string_view bytes);

}  // namespace temper
